"""What providers keep of deposits: booked whenever they tell, and told another amount later, the difference."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kernel import audit, clock
from kernel.actors import Actor
from kernel.money import Money

from ..models import Deposit
from . import posting


def provider_fees_settled(fees: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """The provider's report has told payments' fees, by deposit, and the caller books them: returns what was booked before.

    In the caller's transaction, under the deposits' locks, taken by id. The report has the last word: a delivery that is
    repeated after it tells the fee as it was thought to be before.
    """
    if not fees:
        return {}
    rows = list(Deposit.objects.select_for_update(of=("self",)).filter(pk__in=fees).order_by("pk"))
    before = {row.pk: row.provider_fee for row in rows if row.provider_fee is not None}
    for row in rows:
        row.provider_fee_minor, row.provider_fee_currency = fees[row.pk].minor, fees[row.pk].currency
        row.provider_fee_settled_at = clock.now()
    fields = ["provider_fee_minor", "provider_fee_currency", "provider_fee_settled_at"]
    Deposit.objects.bulk_update(rows, fields, batch_size=500)
    return before


def provider_fee_told(deposit: Deposit, fee: Money | None, actor: Actor) -> None:
    """Book what the provider keeps, in its currency, whenever it tells; told another amount later, the difference.

    Nothing once a report has settled it. Told in another currency than before, the earlier one is taken out whole.
    """
    known = deposit.provider_fee
    if fee is None or fee.minor < 0 or fee == known or (not fee and known is None) or deposit.provider_fee_settled_at:
        return
    changes = [fee - known] if known is not None and known.currency == fee.currency else [fee]
    if known is not None and known.currency != fee.currency and known:
        changes.insert(0, -known)
    for change in changes:
        if change:
            deposit.provider_fee_told += 1
            posting.provider_fee_post(deposit, change, number=deposit.provider_fee_told, actor=actor)
    deposit.provider_fee_minor, deposit.provider_fee_currency = fee.minor, fee.currency
    audit.record(
        actor=actor, action="payments.provider_fee_booked", obj=deposit, subject=deposit.client_id,
        before={"fee": str(known) if known else None}, after={"fee": str(fee)},
    )  # fmt: skip
