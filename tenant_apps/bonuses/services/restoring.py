"""Transfers out that the server refused: what was taken back for them comes back, unless other money has left since.

While a later transfer is on its way nothing is known yet: its own outcome asks again, for all that were refused.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from kernel import audit, clock
from kernel.actors import Actor
from tenant_apps.trading.models import Direction, Transfer, TransferState

from ..models import CreditMove, Ending, Grant, GrantState, MovePurpose, MoveState
from .moves import account_lock, held, move_issue, save


def transfer_refused(*, transfer_id: UUID, actor: Actor) -> None:
    """Give back what the refused transfers since the last one that left have cost. Repeating it changes nothing."""
    with transaction.atomic():
        account_id = Transfer.objects.values_list("account_id", flat=True).get(pk=transfer_id)
        account_lock(account_id)
        refused = _refused(account_id)
        burnt = CreditMove.objects.filter(before_transfer__in=refused, purpose=MovePurpose.BURN, state=MoveState.DONE)
        for move in burnt.order_by("pk"):
            _restore(move, actor)
        if refused:
            _offer_again(refused[-1], actor)


def _refused(account_id: UUID) -> list[UUID]:
    """Transfers out that were refused and after which none left or is on its way, the latest first."""
    found = []
    rows = Transfer.objects.filter(account_id=account_id, direction=Direction.TO_WALLET)
    for pk, state in rows.order_by("-created_at", "-pk").values_list("pk", "state").iterator(chunk_size=50):
        if state != TransferState.FAILED:
            break
        found.append(pk)
    return found


def _restore(move: CreditMove, actor: Actor) -> None:
    grant = held(move.grant_id)
    again = CreditMove.objects.filter(before_transfer=move.before_transfer, purpose=MovePurpose.RESTORE, grant=grant)
    if again.exists():
        return
    if grant.state == GrantState.BURNT and grant.ending == Ending.WITHDRAWAL:
        grant.state, grant.ending, grant.ended_at = GrantState.GRANTING, Ending.NONE, None
    elif grant.state not in (GrantState.ACTIVE, GrantState.GRANTING):
        return
    move_issue(grant, MovePurpose.RESTORE, -move.amount_minor, actor=actor, before_transfer=move.before_transfer)
    save(grant)


def _offer_again(first: UUID, actor: Actor) -> None:
    """Offers that lapsed with the first of the refused transfers or one after it, while their time runs."""
    transfer = Transfer.objects.get(pk=first)
    lapsed = Grant.objects.filter(
        account_id=transfer.account_id, state=GrantState.BURNT, ending=Ending.WITHDRAWAL, active_at=None, moves=None,
        ended_at__gte=transfer.created_at, offered_until__gt=clock.now(),
    )  # fmt: skip
    for grant_id in list(lapsed.order_by("pk").values_list("pk", flat=True)):
        grant = held(grant_id)
        grant.state, grant.ending, grant.ended_at = GrantState.OFFERED, Ending.NONE, None
        save(grant)
        audit.record(actor=actor, action="bonuses.offered_again", obj=grant, subject=grant.client_id,
                     after={"amount": str(grant.amount)})  # fmt: skip
