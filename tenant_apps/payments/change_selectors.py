"""Reading the changes that wait for a second person: those that somebody may decide on, or has made."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from kernel.actors import Actor
from kernel.permissions import scoped

from .models import ChangeState, ProposedChange
from .services.changes import kinds


def changes_visible(actor: Actor) -> QuerySet[ProposedChange]:
    """Of the kinds that the actor may propose or agree to; of clients, those the right reaches."""
    rows = ProposedChange.objects.select_related("client")
    seen = Q(pk=None)
    for code, kind in kinds().items():
        for right in {kind.propose, kind.agree}:
            if actor.may(right):
                seen |= Q(kind=code) & Q(pk__in=_within(actor, right))
    return rows.filter(seen)


def _within(actor: Actor, right: str) -> QuerySet[ProposedChange]:
    rows = ProposedChange.objects.filter(client__isnull=False)
    reached = scoped(actor, right, rows, owner="client__owner_id", team="client__team_id")
    return ProposedChange.objects.filter(Q(client=None) | Q(pk__in=reached.values("pk"))).values("pk")  # type: ignore[return-value]


def changes_waiting(actor: Actor) -> int:
    """What waits for this actor's agreement; the badge in the menu."""
    return len(list(_to_decide(actor)))


def _to_decide(actor: Actor) -> Iterator[ProposedChange]:
    for row in changes_visible(actor).filter(state=ChangeState.WAITING).exclude(proposer_id=actor.id)[:100]:
        if actor.may(kinds()[row.kind].agree, row.client):
            yield row
