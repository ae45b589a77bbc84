from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.permissions import scoped

from .models import Case, CaseState, Document
from .permissions_list import VIEW

WAITING = (CaseState.SUBMITTED, CaseState.PROPOSED)


def cases_visible_to(actor: Actor) -> QuerySet[Case]:
    """Cases of clients whom the actor's right reaches; drafts are the client's own affair."""
    cases = Case.objects.select_related("client").exclude(state=CaseState.DRAFT)
    return scoped(actor, VIEW, cases, owner="client__owner_id", team="client__team_id")


def case_for(actor: Actor, case_id: UUID) -> Case:
    """One case, or NotFound."""
    found = cases_visible_to(actor).filter(pk=case_id).first()
    if found is None:
        raise NotFound
    return found


def queue(actor: Actor) -> QuerySet[Case]:
    """Waiting for a decision, longest waiting first."""
    return cases_visible_to(actor).filter(state__in=WAITING).order_by("submitted_at", "id")


def neighbours(actor: Actor, case: Case) -> tuple[Case | None, Case | None]:
    """The cases before and after this one in the queue, for working through it."""
    ids = list(queue(actor).values_list("pk", flat=True)[:500])
    place = ids.index(case.pk) if case.pk in ids else None
    before = ids[place - 1] if place else None
    after = (
        ids[place + 1] if place is not None and place + 1 < len(ids) else (ids[0] if place is None and ids else None)
    )
    found = Case.objects.in_bulk([one for one in (before, after) if one])
    return found.get(before), found.get(after)


def documents_of(case: Case) -> list[Document]:
    """Current documents, identity first, with their files."""
    documents = case.documents.filter(replaced=False).select_related("file").order_by("created_at")
    return sorted(documents, key=lambda document: (not document.is_identity, document.kind, document.side != "front"))


def document_for(actor: Actor, document_id: UUID) -> Document:
    """A document that this officer, or this very client, may see; else NotFound."""
    documents = Document.objects.select_related("case__client", "file")
    if actor.kind == "client":
        documents = documents.filter(case__client_id=actor.client_id)  # type: ignore[misc]
    else:
        documents = scoped(actor, VIEW, documents, owner="case__client__owner_id", team="case__client__team_id")
    found = documents.filter(pk=document_id).first()
    if found is None:
        raise NotFound
    return found


def latest_case(client_id: UUID) -> Case | None:
    return Case.objects.filter(client_id=client_id).order_by("-created_at").first()
