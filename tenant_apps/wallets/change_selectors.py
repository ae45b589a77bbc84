"""Reading the changes that wait for a second person: those that somebody may decide on, or has made."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from kernel.actors import Actor
from kernel.permissions import within

from .change_models import ChangeState, ProposedChange
from .services.changes import kinds


def changes_visible(actor: Actor) -> QuerySet[ProposedChange]:
    """Of the kinds that the actor may propose or agree to; of clients, those the right reaches."""
    rows = ProposedChange.objects.select_related("client")
    seen = Q(pk=None)
    for code, kind in kinds().items():
        for right in {kind.propose, kind.agree}:
            if actor.may(right):
                seen |= Q(kind=code) & _reached(actor, right)
    return rows.filter(seen)


def _reached(actor: Actor, right: str) -> Q:
    """Changes that are no client's, and those of the clients that a right reaches."""
    reach = within(actor, right, owner="client__owner_id", team="client__team_id")
    return Q(client=None) | reach if reach else Q()


def changes_waiting(actor: Actor) -> QuerySet[ProposedChange]:
    """What waits for this actor's agreement, so nothing of their own."""
    mine = Q(pk__in=[])
    for code, kind in kinds().items():
        if actor.may(kind.agree):
            mine |= Q(kind=code) & _reached(actor, kind.agree)
    rows = ProposedChange.objects.select_related("client").filter(state=ChangeState.WAITING)
    return rows.filter(mine).exclude(proposer_id=actor.id)


def changes_about(object_id: UUID, *codes: str) -> list[ProposedChange]:
    """What waits about a thing that the caller has shown already, with the words of its kind. One query."""
    rows = ProposedChange.objects.filter(kind__in=codes, object_id=object_id, state=ChangeState.WAITING)
    found = list(rows.order_by("created_at"))
    for row in found:
        row.words = kinds()[row.kind].words  # type: ignore[attr-defined]
    return found
