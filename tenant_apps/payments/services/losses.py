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
from .deposit_rows import Move, applied, line, locked, save, tell


def taken_back(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A chargeback or returned debit: each round of it once. Heard of before the payment itself, the two are booked one
    after the other; a round heard of once more after it was decided for us is old news, another one is not."""
    if status.follows:  # it shows that the round before was won, of which we may not have heard
        reinstated(deposit, _round_before(status), actor)
    if (known := rounds.round_taken(deposit, status)) is not None:
        return _told_larger(deposit, known, status)
    if made := suspense.credited_as(deposit):
        return _of_several(deposit, made, status, actor)
    _make_paid(deposit, status.amount, actor)
    if deposit.state not in SETTLED:
        return "nothing"
    row = rounds.round_next(deposit, status)
    return _taken(deposit, row, status, actor)


def _told_larger(deposit: Deposit, row: Reversal, status: DepositStatus) -> str:
    """Old news; but a round first heard of by its return was known by what came back, and more may have been taken."""
    told, took = status.amount, row.minor
    if (
        told is None
        or took is None
        or told.currency != deposit.currency
        or told.minor <= took
        or not rounds.is_over(row)
    ):
        return "nothing"
    deposit.attention = deposit.attention or "reversed"
    return "more was taken"


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
    row = rounds.round_returned(deposit, status)
    if row is None and (made := suspense.credited_as(deposit)):
        return _shared([one for one in made if rounds.rounds_of(one)] or made[:1], reinstated, status, actor)
    if row is None:
        row = _taken_unheard(deposit, status, actor)
    if row is None or rounds.is_over(row):
        return "nothing"
    taken = posting.posted(rounds.key_of(row))
    if taken is None:
        return "nothing"
    if taken.kind == posting.SUSPENSE_OUT:
        left = suspense.suspense_restore(deposit, taken, told=status.amount, actor=actor)
        _others_back(deposit, replace(status, amount=left), actor)
        return "reinstated"
    back = _back_of(row, taken, status.amount)
    if back is not None:
        return _partly_restored(deposit, row, taken, back, actor)
    _restore(deposit, taken, "payments.deposit_reinstated", actor, reversal=row)
    return "reinstated"


def _back_of(row: Reversal, taken: Transfer, told: Money | None) -> Money | None:
    """How much of a round comes back when it is not just what was booked: it was won in part, or had been corrected."""
    if row.minor is None:
        return None
    took, currency = Money(row.minor, row.deposit.currency), row.deposit.currency
    booked = posting.taken_of(row.deposit, taken)
    back = min(told, took) if told is not None and told.currency == currency and told.minor > 0 else took
    return back if back != booked else None


def _partly_restored(deposit: Deposit, row: Reversal, taken: Transfer, back: Money, actor: Actor) -> str:
    """The house is made whole first, then the wallet. What is lost for good stays lost: a person lifts the freeze."""
    house = freezes.round_partly_back(row, back)
    posting.restored_part_post(deposit, taken, back, house=house, actor=actor)
    rounds.came_back(row, back)
    if not row.lost:
        # Not mirrored: what had covered the loss is part of what the wallet has just been given.
        freezes.freeze_undo(row, mirrored=False, actor=actor)
    _back_again(deposit, back, "payments.deposit_reinstated", actor, once=f"{taken.pk}")
    return "reinstated" if not row.lost else "reinstated in part"


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
    return "nothing taken" if _out_of_suspense(deposit, row, status, actor) is None else "reversed"


def _out_of_suspense(deposit: Deposit, row: Reversal, status: DepositStatus, actor: Actor) -> Money | None:
    taken = suspense.suspense_back(deposit, status.amount, key=rounds.key_of(row), actor=actor)
    if taken is not None:
        row.save()
        deposit.failure, deposit.failure_text = status.failure or "chargeback", status.failure_text[:300]
    return taken


def _of_several(deposit: Deposit, made: list[Deposit], status: DepositStatus, actor: Actor) -> str:
    """Of a payment that was credited in parts: what waits to be decided goes first, as it is nobody's yet. Unless it is old
    news of what has taken from the parts before."""
    if any(rounds.told_before(one, status) for one in made):
        return _shared(made, taken_back, status, actor)
    taken = _out_of_suspense(deposit, rounds.round_next(deposit, status), status, actor)
    if taken is None:
        return _shared(made, taken_back, status, actor)
    left = None if status.amount is None else status.amount - taken
    if left is None or left:
        _shared(made, taken_back, replace(status, amount=left), actor)
    return "reversed"


def _others_back(deposit: Deposit, status: DepositStatus, actor: Actor) -> None:
    """The deposits that the same round had taken from besides."""
    made = [one for one in suspense.credited_as(deposit) if rounds.has(one, status)]
    if made and (status.amount is None or status.amount):
        _shared(made, reinstated, status, actor)


def _shared(made: list[Deposit], move: Move, status: DepositStatus, actor: Actor) -> str:
    """News of a payment in another currency is news of the deposits it was credited as, the oldest first: of all of each
    where nobody says how much, else until the amount is used up. The last one has what is left over. The provider's
    reference and its fee are the payment's own: each is kept once."""
    done, left = "nothing", status.amount
    of_each = replace(status, provider_reference="", fee=None)
    for one in made:
        whole = Money(one.received_minor or 0, one.currency)
        share = left if left is None or one is made[-1] or left.currency != whole.currency else min(left, whole)
        if share is not None and not share:
            break
        done = applied(one.pk, move, replace(of_each, amount=share), actor)
        left = None if left is None or share is None else left - share
    return done


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
        key = posting.refund_key(deposit, refund.reference)
        credited = deposit.state == DepositState.SUSPENSE and posting.posted(key) is None
        if credited and (made := suspense.credited_as(deposit)):
            save(deposit)
            return deposit_refunded(deposit_id=made[0].pk, refund=refund, actor=actor)
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
    foreign = taken is not None and taken.currency != deposit.currency
    if foreign and reversal is None:
        deposit.attention = "currency"
        return None
    whole = taken is None
    if taken is None or foreign:  # of a dispute in another currency: all there is, until a person knows better
        taken = Money(received.minor - (deposit.reversed_minor or 0), deposit.currency)
    if taken.minor <= 0:
        deposit.attention = attention
        return None
    own = posting.taken_back_post(deposit, taken, kind=kind, key=key, actor=actor)
    deposit.reversed_minor = (deposit.reversed_minor or 0) + taken.minor
    deposit.attention = "currency" if foreign else attention if own == taken else "reversed_uncovered"
    if deposit.reversed_minor >= received.minor:
        deposit.state = DepositState.REVERSED
        first.first_gone(deposit, actor=actor)
    if reversal is not None:
        reversal.minor, reversal.whole = taken.minor, whole
        reversal.save()
        freezes.freeze_begin(deposit, reversal, lost=taken, uncovered=taken - own, actor=actor)
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
    """What had been taken back is ours again, just as it was booked."""
    amount = posting.restored_post(deposit, taken, actor=actor)
    if reversal is not None:
        rounds.came_back(reversal, amount)
        freezes.freeze_undo(reversal, actor=actor)
    _back_again(deposit, amount, kind, actor, once=str(taken.pk))


def _back_again(deposit: Deposit, amount: Money, kind: str, actor: Actor, *, once: str) -> None:
    """What follows when money came back, in whole or part."""
    deposit.reversed_minor = max(0, (deposit.reversed_minor or 0) - amount.minor)
    if deposit.reversed_minor < (deposit.received_minor or 0):
        first.first_back(deposit, actor=actor)
        if not rounds.standing(deposit):
            deposit.state = DepositState.CREDITED
            deposit.attention = deposit.failure = deposit.failure_text = ""
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
    line(deposit, kind, actor, once=once, amount=amount)
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id, after={"amount": str(amount)}
    )  # fmt: skip
