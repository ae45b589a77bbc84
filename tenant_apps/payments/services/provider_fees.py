"""What providers keep of payments and take for paying out: booked whenever they tell, and told another amount later, the
difference; in the fee's own currency, which need not be the payment's. A report's word is the last.

Invariant. What is booked of the fee of a deposit, or of a part of a withdrawal, is what its row says (`provider_fee`): both
change in one transaction, under the row's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import UUID

from django.db.models import QuerySet

from kernel import audit, clock
from kernel.actors import Actor
from kernel.money import Money

from ..models import Deposit, PartState, Withdrawal, WithdrawalPart
from . import posting

Row = TypeVar("Row", Deposit, WithdrawalPart)


def deposit_fees_settled(fees: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """The provider's report has told payments' fees, by deposit, and the caller books them: returns what was booked before.

    In the caller's transaction, under the deposits' locks, taken by id. The report has the last word: a delivery that is
    repeated after it tells the fee as it was thought to be before.
    """
    return _settled(Deposit.objects.all(), fees) if fees else {}


def part_fees_settled(fees: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """As `deposit_fees_settled`, of what was paid out or given back."""
    return _settled(WithdrawalPart.objects.all(), fees) if fees else {}


def _settled(rows: QuerySet[Row], fees: Mapping[UUID, Money]) -> dict[UUID, Money]:
    found = list(rows.select_for_update(of=("self",)).filter(pk__in=fees).order_by("pk"))
    before = {row.pk: row.provider_fee for row in found if row.provider_fee is not None}
    for row in found:
        row.provider_fee_minor, row.provider_fee_currency = fees[row.pk].minor, fees[row.pk].currency
        row.provider_fee_settled_at = clock.now()
    fields = ["provider_fee_minor", "provider_fee_currency", "provider_fee_settled_at"]
    rows.model.objects.bulk_update(found, fields, batch_size=500)
    return before


def deposit_fee_told(deposit: Deposit, fee: Money | None, actor: Actor) -> None:
    """Under the deposit's lock; the caller saves it."""

    def book(change: Money, number: int) -> None:
        posting.provider_fee_post(deposit, change, number=number, actor=actor)

    _told(deposit, fee, book, about=deposit, actor=actor)


def part_fee_told(part: WithdrawalPart, fee: Money | None, actor: Actor) -> None:
    """What paying the part out, or giving it back, costs us. Under the part's lock; the caller saves it.

    Of a part that was paid: nothing has been taken for one that was not. One that comes back afterwards keeps its cost,
    unless the provider tells another with it."""
    if part.state != PartState.PAID and part.provider_fee is None:
        return

    def book(change: Money, number: int) -> None:
        posting.part_fee_post(part, change, number=number, actor=actor)

    _told(part, fee, book, about=part.withdrawal, actor=actor)


def _told(
    row: Deposit | WithdrawalPart,
    fee: Money | None,
    book: Callable[[Money, int], None],
    *,
    about: Deposit | Withdrawal,
    actor: Actor,
) -> None:
    """Nothing once a report has settled it. Told in another currency than before, the earlier one is taken out whole."""
    known = row.provider_fee
    if fee is None or fee.minor < 0 or fee == known or (not fee and known is None) or row.provider_fee_settled_at:
        return
    changes = [fee - known] if known is not None and known.currency == fee.currency else [fee]
    if known is not None and known.currency != fee.currency and known:
        changes.insert(0, -known)
    for change in changes:
        if change:
            row.provider_fee_told += 1
            book(change, row.provider_fee_told)
    row.provider_fee_minor, row.provider_fee_currency = fee.minor, fee.currency
    audit.record(
        actor=actor, action="payments.provider_fee_booked", obj=about, subject=about.client_id,
        before={"fee": str(known) if known else None}, after={"fee": str(fee)},
    )  # fmt: skip
