"""Who hears of something that went wrong: risk and finance, each in their own language, under the bell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import override

from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients.models import Client
from tenant_apps.clients.permissions_list import RISK
from tenant_apps.notifications.services import language_for, notify

from ..permissions_list import APPROVE


def staff_told(client: Client, *, kind: str, words: Callable[[], tuple[str, str]], link: str, **data: Any) -> None:
    """`words` gives title and text, called once per reader in their language. In the transaction that made the fact."""
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    for user in people:
        actor = actor_for(user)
        if not (actor.may(APPROVE, client) or actor.may(RISK, client)):
            continue
        with override(language_for(user.language)):
            title, body = words()
            notify(user_id=user.pk, kind=kind, title=title, body=body, link=link, data=data)


def holders_told(
    right: str, client: Client | None, *, kind: str, words: Callable[[], tuple[str, str]], link: str,
    besides: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Everybody who has a right (over the client, where one is concerned), but those in `besides` (ids)."""
    people = User.objects.filter(realm=Realm.STAFF, active=True).exclude(pk__in=besides)
    for user in people.select_related("team").prefetch_related("roles"):
        if actor_for(user).may(right, client):
            with override(language_for(user.language)):
                title, body = words()
                notify(user_id=user.pk, kind=kind, title=title, body=body, link=link, data={})
