"""Reads about clients, as far as the actor's right reaches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from kernel import clock
from kernel.actors import Actor, Reach
from kernel.errors import NotFound
from kernel.models import AuditEntry
from kernel.permissions import masked, masked_values, scoped

from .models import Acceptance, Client, LegalDocument, Task, TimelineEntry
from .permissions_list import TASK, VIEW

COUNT_BOUND = 1000


def clients_visible(actor: Actor) -> QuerySet[Client]:
    """Clients and leads that `clients.view` reaches."""
    return scoped(actor, VIEW, Client.objects.all())


def client_get(actor: Actor, client_id: UUID) -> Client:
    """One client. Raises NotFound for one that does not exist and for one out of reach alike."""
    client = clients_visible(actor).filter(pk=client_id).first()
    if client is None:
        raise NotFound
    return client


def show(actor: Actor, clients: Iterable[Client]) -> list[Client]:
    """Sets `email_shown` and `phone_shown` on each: what this actor may see of them. Pages use nothing else."""
    rows = list(clients)
    for client in rows:
        client.email_shown = masked(actor, "email", client.email)  # type: ignore[attr-defined]
        client.phone_shown = masked(actor, "phone", client.phone)  # type: ignore[attr-defined]
    return rows


def bounded_count(rows: QuerySet[Any], bound: int = COUNT_BOUND) -> int:
    """How many, but never looking at more than `bound` + 1 rows."""
    return rows.order_by()[: bound + 1].count()


def timeline(
    client: Client, *, before: int | None = None, kind: str = "", q: str = "", limit: int = 30
) -> list[TimelineEntry]:
    """A client's lines, newest first, from the line `before` on; searchable in what people wrote."""
    rows = TimelineEntry.objects.filter(client=client).order_by("-at", "-id")
    if before and (edge := rows.filter(pk=before).first()):
        rows = rows.filter(Q(at__lt=edge.at) | Q(at=edge.at, id__lt=edge.id))
    if kind:
        rows = rows.filter(kind__startswith=kind)
    if q:
        rows = rows.filter(text__icontains=q)
    return list(rows[:limit])


def pinned(client: Client) -> QuerySet[TimelineEntry]:
    return TimelineEntry.objects.filter(client=client, pinned=True).order_by("-at")[:10]


def tasks_visible(actor: Actor) -> QuerySet[Task]:
    """Tasks that `clients.task` reaches: own, the team's, all."""
    rows = Task.objects.select_related("client")
    reach = actor.reach(TASK)
    if reach is Reach.ALL:
        return rows
    mine = Q(owner_id=actor.id) if actor.id else Q(pk__in=[])
    if reach is Reach.TEAM:
        mine |= Q(team_id__in=list(actor.team_ids))
    return rows.filter(mine)


def tasks_open_count(actor: Actor) -> int:
    """One's own tasks that are due by now; for the menu's badge."""
    if actor.kind != "staff":
        return 0
    return Task.objects.filter(owner_id=actor.id, done_at__isnull=True, due_at__lte=clock.now())[:100].count()


def task_get(actor: Actor, task_id: UUID) -> Task:
    task = tasks_visible(actor).filter(pk=task_id).first()
    if task is None:
        raise NotFound
    return task


def acceptances_of(client: Client) -> QuerySet[Acceptance]:
    return Acceptance.objects.filter(client=client).select_related("document").order_by("-at")


def audit_of(client: Client) -> QuerySet[AuditEntry]:
    """Lines of the audit trail that concern the client, newest first."""
    return AuditEntry.objects.filter(subject=str(client.pk)).order_by("-id")


def audit_shown(actor: Actor, entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Lines as this actor may read them: a change of a masked field names its values masked. Never save these rows."""
    rows = list(entries)
    for row in rows:
        row.before, row.after = masked_values(actor, row.before), masked_values(actor, row.after)
    return rows


def documents_current(language: str) -> list[LegalDocument]:
    """The version in force of each kind, in the language or else in English; ordered by kind."""
    chosen: dict[str, LegalDocument] = {}
    rows = LegalDocument.objects.filter(language__in={language, "en"}, effective_at__lte=clock.now())
    for document in rows.order_by("version"):
        known = chosen.get(document.kind)
        if known is None or known.language != language or document.language == language:
            chosen[document.kind] = document
    return [chosen[kind] for kind in sorted(chosen)]


def documents_missing(client: Client) -> list[LegalDocument]:
    """Current documents whose version (of whatever language) the client has not accepted yet."""
    accepted = set(Acceptance.objects.filter(client=client).values_list("document__kind", "document__version"))
    return [one for one in documents_current(client.language) if (one.kind, one.version) not in accepted]
