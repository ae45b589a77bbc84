"""Reads about clients, as far as the actor's right reaches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from kernel import clock
from kernel.actors import Actor, Reach
from kernel.errors import NotFound
from kernel.models import AuditEntry
from kernel.permissions import masked, masked_values, scoped
from kernel.tenancy import context

from .models import Acceptance, Client, LegalDocument, Stage, Task, TimelineEntry
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


def notes_of(client: Client, limit: int = 3) -> list[TimelineEntry]:
    """What colleagues wrote last, what is kept on top first."""
    rows = TimelineEntry.objects.filter(client=client, kind="clients.note").order_by("-pinned", "-at")
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


def tasks_due(actor: Actor) -> QuerySet[Task]:
    """One's own tasks that are due by now."""
    if actor.kind != "staff":
        return Task.objects.none()
    return Task.objects.filter(owner_id=actor.id, done_at__isnull=True, due_at__lte=clock.now())


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
    """The newest version in force of each kind, ordered by kind.

    In the language, else in one of the brokerage's in their order, else in English, else in whatever there is: an old
    version is not in force any more because nobody has translated the new one.
    """
    in_force = LegalDocument.objects.filter(effective_at__lte=clock.now())
    newest = in_force.filter(kind=OuterRef("kind")).order_by("-version").values("version")[:1]
    languages = [language, *(context.tenant().setting("languages") or ()), "en"]
    chosen: dict[str, LegalDocument] = {}
    for document in in_force.filter(version=Subquery(newest)).order_by("kind", "language"):
        known = chosen.get(document.kind)
        if known is None or _place(languages, document.language) < _place(languages, known.language):
            chosen[document.kind] = document
    return list(chosen.values())


def _place(languages: Sequence[str], language: str) -> int:
    return languages.index(language) if language in languages else len(languages)


def documents_missing(client: Client) -> list[LegalDocument]:
    """Current documents whose version (of whatever language) the client has not accepted yet."""
    accepted = set(Acceptance.objects.filter(client=client).values_list("document__kind", "document__version"))
    return [one for one in documents_current(client.language) if (one.kind, one.version) not in accepted]


@dataclass(frozen=True, slots=True)
class LegalVersion:
    """A version of a kind with its texts (without their bodies). `state`: current, scheduled, earlier."""

    documents: tuple[LegalDocument, ...]
    state: str
    accepted: int  # clients, whatever language they read
    waiting: int  # clients with an account who have not accepted it; 0 unless it is in force

    @property
    def version(self) -> int:
        return self.documents[0].version

    @property
    def effective_at(self) -> datetime:
        return min(document.effective_at for document in self.documents)


def legal_versions() -> dict[str, list[LegalVersion]]:
    """Every kind that has documents, its versions newest first. Three queries, however many clients."""
    grouped: dict[tuple[str, int], list[LegalDocument]] = {}
    for document in LegalDocument.objects.defer("body").order_by("kind", "-version", "language"):
        grouped.setdefault((document.kind, document.version), []).append(document)
    counts = _acceptance_counts()
    people = Client.objects.filter(user_id__isnull=False).exclude(stage=Stage.CLOSED).count()
    found: dict[str, list[LegalVersion]] = {}
    now = clock.now()
    for key, documents in grouped.items():
        versions = found.setdefault(key[0], [])
        in_force = any(document.effective_at <= now for document in documents)
        newest = in_force and all(version.state == "scheduled" for version in versions)
        everybody, active = counts.get(key, (0, 0))
        state = "current" if newest else "earlier" if in_force else "scheduled"
        waiting = max(0, people - active) if state == "current" else 0
        versions.append(LegalVersion(tuple(documents), state, everybody, waiting))
    return found


def _acceptance_counts() -> dict[tuple[str, int], tuple[int, int]]:
    """By kind and version: clients who accepted, and those of them whose account is open."""
    rows = Acceptance.objects.values_list("document__kind", "document__version").annotate(
        everybody=Count("client", distinct=True),
        active=Count("client", distinct=True, filter=~Q(client__stage=Stage.CLOSED)),
    )
    return {(kind, version): (everybody, active) for kind, version, everybody, active in rows}


def legal_own() -> bool:
    """Whether the brokerage has published terms of its own after those it started with."""
    return LegalDocument.objects.filter(kind="terms", version__gt=1).exists()


def legal_document_get(document_id: UUID) -> LegalDocument:
    found = LegalDocument.objects.filter(pk=document_id).first()
    if found is None:
        raise NotFound
    return found


def legal_siblings(document: LegalDocument) -> list[LegalDocument]:
    """The texts of the same version, itself included, by language."""
    rows = LegalDocument.objects.filter(kind=document.kind, version=document.version)
    return list(rows.defer("body").order_by("language"))


def legal_newest(kind: str) -> list[LegalDocument]:
    """The texts of a kind's newest version, in force or not yet; empty where there is none."""
    rows = LegalDocument.objects.filter(kind=kind).order_by("-version")
    last = rows.first()
    return list(rows.filter(version=last.version)) if last else []
