"""Money taken back after it came: chargebacks, returned debits, refunds on a provider's own pages; and its return.

Invariant. Each loss has a key of its own in the ledger and is booked once, in whichever order it and the payment are
heard of; what comes back is what had been booked, leg by leg. A payment that was won may be taken back again: each round
is a Reversal (rounds.py).
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db import transaction

from kernel import audit
from kernel.actors import Actor
from kernel.events import publish
from kernel.money import Money
from tenant_apps.ledger.models import Transfer

from .. import events
from ..models import Deposit, DepositState, Reversal, SuspensePayment
from ..ports import DepositStatus, PaymentState, RefundState, RefundStatus
from . import first, freezes, posting, rounds, suspense
from .crediting import SETTLED, paid
from .deposit_rows import applied, line, locked, save, tell


def taken_back(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A chargeback or returned debit: each round of it once. Heard of before the payment itself, the two are booked one
    after the other; a round heard of once more after it was decided for us is old news, another one is not."""
    if status.follows:  # it shows that the round before was won, of which we may not have heard
        reinstated(deposit, _round_before(status), actor)
    if rounds.round_taken(deposit, status) is not None:
        return "nothing"
    if (child := _corrected(deposit)) is not None:
        return applied(child, taken_back, status, actor)
    _make_paid(deposit, status.amount, actor)
    if deposit.state not in SETTLED:
        return "nothing"
    row = rounds.round_next(deposit, status)
    return _taken(deposit, row, status, actor)


def _round_before(status: DepositStatus) -> DepositStatus:
    return replace(status, state=PaymentState.REINSTATED, dispute=status.follows, follows="", movement="")


def _taken(deposit: Deposit, row: Reversal, status: DepositStatus, actor: Actor) -> str:
    """Book a round. What it is called is written down with it, or not at all."""
    if deposit.state == DepositState.SUSPENSE or _was_suspended(deposit):
        return _suspense_reversed(deposit, row, status, actor)
    taken = _take_back(
        deposit, status.amount, kind=posting.REVERSAL, key=rounds.key_of(row), attention="reversed", actor=actor,
        reversal=row,
    )  # fmt: skip
    if taken is None:
        return "nothing taken"
    deposit.state = DepositState.REVERSED
    deposit.failure, deposit.failure_text = status.failure or "chargeback", status.failure_text[:300]
    line(deposit, "payments.deposit_reversed", actor, once=_again(row), amount=taken)
    return "reversed"


def _again(row: Reversal) -> str:
    return str(row.number) if row.number > 1 else ""


def _was_suspended(deposit: Deposit) -> bool:
    """It came in another currency, and all of it was taken back from suspense before."""
    return deposit.received_minor is None and SuspensePayment.objects.filter(deposit=deposit).exists()


def reinstated(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A dispute decided for us: what its round took comes back, leg by leg. Heard of first, both are booked."""
    if (child := _corrected(deposit)) is not None:
        return applied(child, reinstated, status, actor)
    row = rounds.round_returned(deposit, status)
    if row is None:
        row = _taken_unheard(deposit, status, actor)
    if row is None or rounds.is_over(row):
        return "nothing"
    taken = posting.posted(rounds.key_of(row))
    if taken is None:
        return "nothing"
    if taken.kind == posting.SUSPENSE_OUT:
        suspense.suspense_restore(deposit, taken, actor=actor)
        return "reinstated"
    _restore(deposit, taken, "payments.deposit_reinstated", actor, reversal=row)
    return "reinstated"


def _taken_unheard(deposit: Deposit, status: DepositStatus, actor: Actor) -> Reversal | None:
    """The round that comes back before we heard of its being taken: booked now, so that its own news is old."""
    _make_paid(deposit, status.amount, actor)
    if deposit.state not in SETTLED:
        return None
    row = rounds.round_next(deposit, status, returned=True)
    _taken(deposit, row, status, actor)
    return row if posting.posted(rounds.key_of(row)) else None


def _suspense_reversed(deposit: Deposit, row: Reversal, status: DepositStatus, actor: Actor) -> str:
    """Of a payment in another currency that nobody has decided about: out of suspense."""
    taken = suspense.suspense_back(deposit, status.amount, key=rounds.key_of(row), actor=actor)
    if taken is None:
        return "nothing taken"
    row.save()
    deposit.failure, deposit.failure_text = status.failure or "chargeback", status.failure_text[:300]
    return "reversed"


def _corrected(deposit: Deposit) -> UUID | None:
    """The deposit that this one, paid in another currency, was credited as."""
    rows = SuspensePayment.objects.filter(deposit=deposit, credited__isnull=False)
    return rows.values_list("credited_id", flat=True).first()


def _make_paid(deposit: Deposit, amount: Money | None, actor: Actor) -> None:
    """Money cannot be taken back before it came: news of the payment itself is still on the way. It came in the currency
    it is taken back in, and it was at least as much as was asked for unless that is another currency."""
    if deposit.state in SETTLED:
        return
    other = amount if amount is not None and amount.currency != deposit.currency else None
    paid(deposit, DepositStatus(state=PaymentState.PAID, provider_reference="", amount=other), actor)


def deposit_refunded(*, deposit_id: UUID, refund: RefundStatus, actor: Actor) -> str:
    """Take in a refund made on the provider's own pages: no withdrawal of ours, but the money has left all the same.

    Any order, any number of times. It counts from the moment it is asked for there; one that fails is given back.
    """
    with transaction.atomic():
        deposit = locked(deposit_id)
        _make_paid(deposit, refund.amount, actor)
        if deposit.state not in SETTLED:
            return "nothing"
        if deposit.state == DepositState.SUSPENSE and (child := _corrected(deposit)) is not None:
            save(deposit)
            return deposit_refunded(deposit_id=child, refund=refund, actor=actor)
        key = posting.refund_key(deposit, refund.reference)
        done = "nothing"
        if deposit.state == DepositState.SUSPENSE or _suspended(key):
            done = _suspense_refunded(deposit, refund, key, actor)
            save(deposit)
            tell(deposit)
            return done
        if posting.posted(key) is None:
            taken = _take_back(
                deposit, refund.amount, kind=posting.REFUNDED, key=key, attention="refunded", actor=actor
            )  # fmt: skip
            done = "nothing taken" if taken is None else "refunded"
            if taken is not None:
                line(deposit, "payments.deposit_refunded", actor, once=refund.reference, amount=taken)
        booked = posting.posted(key)
        if refund.state is RefundState.FAILED and booked and not posting.posted(f"{key}:undone"):
            _restore(deposit, booked, "payments.deposit_reinstated", actor)
            done = "refund failed"
        save(deposit)
        tell(deposit)
    return done


def _suspended(key: str) -> bool:
    found = posting.posted(key)
    return found is not None and found.kind == posting.SUSPENSE_OUT


def _suspense_refunded(deposit: Deposit, refund: RefundStatus, key: str, actor: Actor) -> str:
    """A refund at the provider of a payment in another currency: it leaves suspense; one that fails comes back."""
    done = "nothing"
    if posting.posted(key) is None:
        taken = suspense.suspense_back(deposit, refund.amount, key=key, actor=actor)
        done = "nothing taken" if taken is None else "refunded"
    booked = posting.posted(key)
    if refund.state is RefundState.FAILED and booked and not posting.posted(f"{key}:undone"):
        suspense.suspense_restore(deposit, booked, actor=actor)
        done = "refund failed"
    return done


def _take_back(
    deposit: Deposit,
    taken: Money | None,
    *,
    kind: str,
    key: str,
    attention: str,
    actor: Actor,
    reversal: Reversal | None = None,
) -> Money | None:
    """Book money that is the payer's again, and say so. A person has to look where it returns None: the money is of
    another currency, or none was left to take (the payer's bank disputes what had been given back before).
    """
    received = deposit.received or deposit.amount
    if taken is None:
        taken = Money(received.minor - (deposit.reversed_minor or 0), deposit.currency)
    if taken.currency != deposit.currency or taken.minor <= 0:
        deposit.attention = "currency" if taken.currency != deposit.currency else attention
        return None
    own = posting.taken_back_post(deposit, taken, kind=kind, key=key, actor=actor)
    deposit.reversed_minor = (deposit.reversed_minor or 0) + taken.minor
    deposit.attention = attention if own == taken else "reversed_uncovered"
    if deposit.reversed_minor >= received.minor:
        deposit.state = DepositState.REVERSED
        first.first_gone(deposit, actor=actor)
    if reversal is not None:
        reversal.save()
        freezes.freeze_begin(reversal, lost=taken, uncovered=taken - own, actor=actor)
    publish(
        events.DepositReversed(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=taken,
            provider=deposit.provider_account.kind,
            method=deposit.method,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id,
        after={"taken": str(taken), "from_wallet": str(own)},
    )  # fmt: skip
    return taken


def _restore(deposit: Deposit, taken: Transfer, kind: str, actor: Actor, *, reversal: Reversal | None = None) -> None:
    """What had been taken back is ours again."""
    amount = posting.restored_post(deposit, taken, actor=actor)
    deposit.reversed_minor = max(0, (deposit.reversed_minor or 0) - amount.minor)
    if deposit.reversed_minor < (deposit.received_minor or 0):
        first.first_back(deposit, actor=actor)
        if not rounds.standing(deposit):
            deposit.state = DepositState.CREDITED
            deposit.attention = deposit.failure = deposit.failure_text = ""
    if reversal is not None:
        freezes.freeze_undo(reversal, actor=actor)
    publish(
        events.DepositReinstated(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=amount,
            provider=deposit.provider_account.kind,
            method=deposit.method,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    line(deposit, kind, actor, once=str(taken.pk), amount=amount)
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id, after={"amount": str(amount)}
    )  # fmt: skip
