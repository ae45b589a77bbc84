"""Reading transfers between clients."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.permissions import scoped

from .models import ClientTransfer, TransferPolicy, TransferState
from .permissions_list import TRANSFER_APPROVE, VIEW
from .rates import exchange_policy


def policies() -> list[TransferPolicy]:
    return list(TransferPolicy.objects.order_by("currency"))


def policies_offered() -> list[TransferPolicy]:
    """The currencies clients may send now; empty while it is switched off."""
    return policies() if exchange_policy().transfers_enabled else []


def recent_of(client_id: UUID, limit: int = 5) -> list[ClientTransfer]:
    """What a client has sent lately, newest first."""
    rows = ClientTransfer.objects.filter(sender_id=client_id).select_related("recipient")
    return list(rows.order_by("-created_at")[:limit])


def visible(actor: Actor, right: str = VIEW) -> QuerySet[ClientTransfer]:
    """Transfers whose sender the actor's right reaches."""
    rows = ClientTransfer.objects.select_related("sender", "recipient")
    return scoped(actor, right, rows, owner="sender__owner_id", team="sender__team_id")


def get(actor: Actor, client_transfer_id: UUID) -> ClientTransfer:
    row = visible(actor).filter(pk=client_transfer_id).first()
    if row is None:
        raise NotFound
    return row


def waiting(actor: Actor) -> QuerySet[ClientTransfer]:
    """What waits for this actor."""
    return visible(actor, TRANSFER_APPROVE).filter(state=TransferState.WAITING)
