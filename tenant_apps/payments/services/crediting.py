"""Crediting a deposit: here and nowhere else, at most once. What really came is credited, in its own currency or not at all."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from kernel import audit, clock
from kernel.actors import Actor
from kernel.events import publish
from kernel.ids import short_id
from kernel.logs import log
from kernel.money import Money
from tenant_apps.clients.services import activity_mark, ftd_set

from .. import events, registry
from ..models import Deposit, DepositState
from ..ports import DepositStatus
from . import first, freezes, funds, posting, rounds, suspense
from .deposit_rows import line, save, tell
from .routing import cost_of, fee_of

SETTLED = (DepositState.CREDITED, DepositState.REVERSED, DepositState.SUSPENSE)  # the money has come
VOIDED = "voided"  # the failure of a payment that was taken back before the bank had settled it


def paid(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """Credit, once. Money that comes after we gave up on it is money all the same."""
    if deposit.state in SETTLED or deposit.failure == VOIDED:
        return _paid_again(deposit, status, actor)
    received = deposit.amount if status.amount is None else status.amount
    if received.minor <= 0:
        deposit.attention = "underpaid"
        return "nothing came"
    if received.currency != deposit.currency:
        log.warning("deposit_currency", deposit=str(deposit.pk), got=str(received))
        suspense.suspense_book(deposit, received, actor=actor)
        return "other currency"
    if deposit.state in (DepositState.FAILED, DepositState.EXPIRED) and not _never_late(deposit):
        deposit.attention = "late"
    fee = deposit.fee
    if received != deposit.amount:
        deposit.attention = "underpaid" if received < deposit.amount else "overpaid"
        fee = _fee(deposit, received)
        deposit.fee_minor = fee.minor
    posting.deposit_post(deposit, received, fee, actor=actor, presumed=status.amount is None)
    deposit.state = DepositState.CREDITED
    if status.apart:
        deposit.payment_reference = status.payment_reference
    deposit.received_minor = received.minor
    deposit.credited_at = deposit.closed_at = clock.now()
    deposit.failure = deposit.failure_text = ""
    deposit.cost_minor = _cost(deposit, received)
    credit_announce(deposit, actor)
    return "credited"


def _fee(deposit: Deposit, received: Money) -> Money:
    """The fee for what came instead of what the deposit's fee is for: by the rule it was shown by, and never a larger share
    than was shown. So it is below what came, as it was below what was asked for."""
    meant = deposit.received or deposit.amount
    share = deposit.fee.scaled(Decimal(received.minor) / Decimal(meant.minor), rounding=ROUND_DOWN)
    return share if deposit.rule is None else min(share, fee_of(deposit.rule, received))


def _fee_of_another(deposit: Deposit, received: Money) -> Money:
    """A further payment pays its own fee; one that the fee would eat up pays none."""
    fee = _fee(deposit, received) if deposit.rule is None else fee_of(deposit.rule, received)
    return fee if fee < received else Money.zero(received.currency)


def _never_late(deposit: Deposit) -> bool:
    """Its address is good for ever: whoever pays to it after we stopped waiting has done nothing unusual."""
    return deposit.state == DepositState.EXPIRED and registry.capabilities(deposit.provider_account.kind).addresses


def _cost(deposit: Deposit, received: Money) -> int:
    """What the provider is expected to charge for what really came."""
    return cost_of(deposit.rule, received).minor if deposit.rule is not None else deposit.cost_minor


def credit_announce(deposit: Deposit, actor: Actor) -> None:
    """What follows a credit, in its transaction: the first deposit, the day's activity, what larger sums and losses ask
    for, and the news of it. The caller saves the deposit again."""
    assert deposit.credited_at is not None
    assert deposit.received_minor is not None
    deposit.first = ftd_set(
        client_id=deposit.client_id,
        minor=deposit.received_minor,
        currency=deposit.currency,
        at=deposit.credited_at,
        actor=actor,
    )
    activity_mark(client_id=deposit.client_id, actor=actor)
    save(deposit)
    funds.after_credit(deposit, actor=actor)
    freezes.freeze_more(deposit.client_id, deposit.currency)
    _announce_credit(deposit, actor)


def _paid_again(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """Told again it is old news. Another payment to the same address is a deposit of its own: made under the lock of the
    first and known by the payment's reference, so that there is one however often it is told.
    """
    received = status.amount
    if received is not None and not status.apart and _otherwise(deposit, received):
        return _told(deposit, received, actor)
    if not status.apart or received is None or status.payment_reference == deposit.payment_reference:
        return "nothing"
    if received.currency != deposit.currency or received.minor <= 0:
        deposit.attention = "currency"
        return "other currency"
    payments = Deposit.objects.filter(provider_account_id=deposit.provider_account_id)
    if payments.filter(payment_reference=status.payment_reference).exists():
        return "nothing"
    another = Deposit.objects.create(
        client=deposit.client,
        reference=f"D{short_id(8).upper()}",
        amount_minor=received.minor,
        currency=deposit.currency,
        fee_minor=_fee_of_another(deposit, received).minor,
        provider_account=deposit.provider_account,
        rule_id=deposit.rule_id,
        method=deposit.method,
        state=DepositState.PENDING,
        pending_at=clock.now(),
        payment_reference=status.payment_reference,
        source=status.source[:80],
        target_trading_account_id=deposit.target_trading_account_id,
        language=deposit.language,
    )
    done = paid(another, status, actor)
    save(another)
    tell(another)
    return f"{done} as {another.reference}"


def _otherwise(deposit: Deposit, received: Money) -> bool:
    """News of a payment that was credited before anybody said how much it was: its loss was heard of first."""
    same = deposit.received is not None and deposit.received.currency == received.currency
    return same and received.minor > 0 and deposit.received != received and posting.presumed(deposit)


def _told(deposit: Deposit, received: Money, actor: Actor) -> str:
    """Set right by the difference what had been presumed, and with it a round that had taken all of it. A person looks: the
    client may have seen another amount."""
    assert deposit.received_minor is not None
    fee = _fee(deposit, received)
    more = Money(received.minor - deposit.received_minor, received.currency)
    row = rounds.whole_standing(deposit, more)
    relief = freezes.round_corrected(row, more) if row else None
    short = posting.told_post(deposit, more, fee - deposit.fee, relief=relief, actor=actor)
    if row is not None:
        rounds.corrected(row, more)
        deposit.reversed_minor = (deposit.reversed_minor or 0) + more.minor
    if short:
        freezes.freeze_begin(deposit, lost=short, uncovered=short, actor=actor)
    before, deposit.received_minor, deposit.fee_minor = deposit.received, received.minor, fee.minor
    deposit.attention = deposit.attention or ("underpaid" if more.minor < 0 else "overpaid")
    if (deposit.reversed_minor or 0) >= received.minor:
        first.first_gone(deposit, actor=actor)
    save(deposit)
    freezes.freeze_more(deposit.client_id, deposit.currency)
    audit.record(
        actor=actor, action=posting.TOLD, obj=deposit, subject=deposit.client_id,
        before={"received": str(before)}, after={"received": str(received)},
    )  # fmt: skip
    return "told otherwise"


def _announce_credit(deposit: Deposit, actor: Actor) -> None:
    publish(
        events.DepositCredited(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=deposit.credited_amount,
            provider=deposit.provider_account.kind,
            method=deposit.method,
            first=deposit.first,
            trading_account_id=deposit.target_trading_account_id,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    line(
        deposit, "payments.deposit_credited", actor, amount=deposit.credited_amount, method=deposit.method,
        first=deposit.first,
    )  # fmt: skip
    audit.record(
        actor=actor,
        action="payments.deposit_credited",
        obj=deposit,
        subject=deposit.client_id,
        after={"received": str(deposit.received), "fee": str(deposit.fee), "first": deposit.first},
    )
