"""What rules do: each action writes rows in the run's transaction and says in a word what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.utils import translation

from kernel import clock
from kernel.actors import Actor
from kernel.events import publish
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients import services as clients
from tenant_apps.clients.models import Client, Task
from tenant_apps.leads import services as leads
from tenant_apps.notifications.services import notify

from .events import MailWanted, TaskMade

FALLBACKS = ("retention", "desk_manager", "owner")


def receiver(client: Client, to: str) -> User | None:
    """Who an action is for; the least busy of a role. None in a brokerage without any active staff."""
    staff = User.objects.filter(realm=Realm.STAFF, active=True)
    if to == "owner":
        found = staff.filter(pk=client.owner_id).first() if client.owner_id else None
        return found or _least_busy(FALLBACKS)
    return _least_busy((to.removeprefix("role:"), *FALLBACKS))


def _least_busy(roles: tuple[str, ...]) -> User | None:
    for code in roles:
        people = list(
            User.objects.filter(realm=Realm.STAFF, active=True, roles__code=code).order_by("created_at").distinct()
        )
        if people:
            open_tasks = dict(
                Task.objects.filter(owner_id__in=[one.pk for one in people], done_at=None)
                .values_list("owner_id")
                .annotate(n=Count("pk"))
                .values_list("owner_id", "n")
            )
            return min(people, key=lambda one: open_tasks.get(one.pk, 0))
    return None


def _titled(action: Mapping[str, Any], client: Client) -> str:
    return str(action["title"]).replace("{name}", client.name).replace("{number}", str(client.number))


def _task(action: Mapping[str, Any], client: Client, key: str, actor: Actor) -> str:
    owner = receiver(client, action["to"])
    if owner is None:
        return "nobody"
    task = clients.task_add(
        title=_titled(action, client),
        due_at=clock.now() + timedelta(hours=action["due_hours"]),
        owner_id=owner.pk,
        team_id=owner.team_id,
        client=client,
        kind=action["kind"],
        origin=actor.label[:120],
        dedupe_key=key,
        actor=actor,
    )
    publish(
        TaskMade(client_id=client.pk, task_id=task.pk, owner_id=owner.pk, rule=actor.label),
        aggregate=f"client:{client.pk}",
        actor=actor,
    )
    return owner.name


def _notify(action: Mapping[str, Any], client: Client, key: str, actor: Actor) -> str:
    person = receiver(client, action["to"])
    if person is None:
        return "nobody"
    with translation.override(person.language or "en"):
        notify(
            user_id=person.pk,
            kind="automation.rule",
            title=_titled(action, client),
            body=client.name,
            link=f"/clients/{client.pk}/",
            data={"client_id": str(client.pk)},
        )
    return person.name


def _mail(action: Mapping[str, Any], client: Client, key: str, actor: Actor) -> str:
    publish(MailWanted(client_id=client.pk, mail=action["mail"], key=key), aggregate=f"client:{client.pk}", actor=actor)
    return str(action["mail"])


def _tag(action: Mapping[str, Any], client: Client, key: str, actor: Actor) -> str:
    clients.tag_add(client=client, tag=action["tag"], actor=actor)
    return str(action["tag"])


def _status(action: Mapping[str, Any], client: Client, key: str, actor: Actor) -> str:
    leads.status_set(client=client, status=action["status"], actor=actor)
    return str(action["status"])


PERFORM: dict[str, Callable[[Mapping[str, Any], Client, str, Actor], str]] = {
    "task": _task,
    "notify": _notify,
    "mail": _mail,
    "tag": _tag,
    "status": _status,
}
