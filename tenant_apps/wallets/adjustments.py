"""Reading adjustments of wallets."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.permissions import scoped

from .models import Adjustment, Decision
from .permissions_list import ADJUST_APPROVE, VIEW


def visible(actor: Actor, right: str = VIEW) -> QuerySet[Adjustment]:
    """Adjustments of clients that the actor's right reaches."""
    rows = Adjustment.objects.select_related("client")
    return scoped(actor, right, rows, owner="client__owner_id", team="client__team_id")


def get(actor: Actor, adjustment_id: UUID) -> Adjustment:
    row = visible(actor).filter(pk=adjustment_id).first()
    if row is None:
        raise NotFound
    return row


def waiting(actor: Actor) -> QuerySet[Adjustment]:
    """What waits for this actor and was not proposed by them."""
    return visible(actor, ADJUST_APPROVE).filter(state=Decision.PROPOSED).exclude(proposer_id=actor.id)
