"""What comes back: bonuses that a transfer out had cost which the server refused, unless other money has left since, and
bonuses of deposits that had been taken back and came again.

While a later transfer is on its way nothing is known yet: its own outcome asks again, for all that were refused.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from kernel import audit, clock
from kernel.actors import Actor
from tenant_apps.payments.models import Deposit
from tenant_apps.trading.models import Direction, Transfer, TransferState
from tenant_apps.trading.services.transfers import deposit_key

from ..models import CreditMove, Ending, Grant, GrantState, MovePurpose, MoveState
from .burning import lapsed
from .grants import BONUSES, grant_make, offer
from .moves import account_lock, client_lock, held, move_issue, save
from .offers import left_for
from .own import kept


def transfer_refused(*, transfer_id: UUID, actor: Actor) -> None:
    """Give back what the refused transfers since the last one that left have cost. Repeating it changes nothing."""
    with transaction.atomic():
        row = Transfer.objects.values("account_id", "client_id").get(pk=transfer_id)
        account_id = row["account_id"]
        client_lock(row["client_id"])
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
    """Offers that lapsed with the first of the refused transfers or one after it, while their time runs; of what later
    deposits brought meanwhile as much less as the most per client demands. One whose deposit went back meanwhile comes
    with that alone. Under the client's lock."""
    transfer = Transfer.objects.get(pk=first)
    rows = Grant.objects.filter(
        account_id=transfer.account_id, state=GrantState.BURNT, ending=Ending.WITHDRAWAL, active_at=None,
        ended_at__gte=transfer.created_at, offered_until__gt=clock.now(),
    )  # fmt: skip
    for grant_id in list(rows.order_by("pk").values_list("pk", flat=True)):
        grant = held(grant_id)
        if not lapsed(grant):
            continue
        if not kept(grant.deposit_id):
            grant.ending = Ending.REVERSAL
            save(grant)
            continue
        left = left_for(grant, offers=True)
        if left.minor <= 0:
            continue
        grant.amount_minor = min(grant.amount, left).minor
        grant.state, grant.ending, grant.ended_at = GrantState.OFFERED, Ending.NONE, None
        save(grant)
        audit.record(actor=actor, action="bonuses.offered_again", obj=grant, subject=grant.client_id,
                     after={"amount": str(grant.amount)})  # fmt: skip


def deposit_reinstated(*, deposit_id: UUID, actor: Actor = BONUSES) -> None:
    """A deposit that had been taken back is the client's after all: the bonus burnt with it is offered again, in full and
    with its progress begun anew, while its time still runs and nothing else had ended or lessened it; one that had not been
    judged yet is judged now. Whether own money,
    rules and the most per client allow it is asked when it is accepted. Repeating it changes nothing.
    """
    with transaction.atomic():
        row = Deposit.objects.select_for_update(of=("self",)).get(pk=deposit_id)
        client_lock(row.client_id)
        burnt = Grant.objects.filter(deposit=row, state=GrantState.BURNT, ending=Ending.REVERSAL, credit_minor=0)
        grant_id = burnt.values_list("pk", flat=True).first()
        if grant_id is None:
            _judge_anew(row, actor)
            return
        if not kept(deposit_id):
            return
        grant = held(grant_id)
        left = left_for(grant, offers=True)
        if not _time_left(grant) or _lessened(grant) or left.minor <= 0:
            return
        grant.amount_minor = min(grant.amount, left).minor
        grant.active_at = grant.expires_at = None
        grant.state, grant.ending, grant.ended_at = GrantState.OFFERED, Ending.NONE, None
        offer(grant, actor)
        audit.record(actor=actor, action="bonuses.offered_again", obj=grant, subject=grant.client_id,
                     after={"amount": str(grant.amount)})  # fmt: skip


def _time_left(grant: Grant) -> bool:
    until = grant.expires_at or grant.offered_until
    return until is not None and until > clock.now()


def _lessened(grant: Grant) -> bool:
    """Whether a transfer out had taken a part of it before: what was given up then does not come back. One that the
    server refused, and for which it was given back, took nothing."""
    moves = CreditMove.objects.filter(grant=grant, state=MoveState.DONE).exclude(before_transfer=None)
    restored = moves.filter(purpose=MovePurpose.RESTORE).values("before_transfer")
    return moves.filter(purpose=MovePurpose.BURN).exclude(before_transfer__in=restored).exists()


def _judge_anew(row: Deposit, actor: Actor) -> None:
    """It went back before its bonus was judged (`waiting`): it is judged as if it had just arrived."""
    arrived = Transfer.objects.filter(key=deposit_key(row.pk), state=TransferState.DONE).first()
    if arrived is not None and not Grant.objects.filter(deposit=row).exists():
        grant_make(transfer=arrived, deposit_id=row.pk, actor=actor)
