"""Back to source first: over which deposits a withdrawal is spread, and what is left for a wire.

Closed loop (money.md; providers.md I4): a refund can return no more than was received and not yet returned, within the
method's time limit. Oldest first, because the oldest lapse first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, Sum

from kernel import clock
from kernel.money import Money

from .. import registry
from ..models import Deposit, DepositState, PartState, ProviderAccount
from ..payouts import WIRE, accounts_paying
from ..ports import ProviderConfig

LIVE_PARTS = (PartState.PLANNED, PartState.SENDING, PartState.PAID)


@dataclass(frozen=True, slots=True)
class Share:
    """A part to be: back to `deposit`, or paid out when that is None."""

    account: ProviderAccount
    deposit: Deposit | None
    amount: Money


@dataclass(frozen=True, slots=True)
class Plan:
    shares: tuple[Share, ...]
    uncovered: Money  # could neither go back nor be paid out: nothing connected pays this way

    @property
    def needs_destination(self) -> bool:
        return any(share.deposit is None for share in self.shares)

    @property
    def paid_out(self) -> Money:
        amounts = [share.amount.minor for share in self.shares if share.deposit is None]
        return Money(sum(amounts), self.uncovered.currency)


def returnable(client_id: UUID, currency: str) -> Iterator[tuple[Deposit, Money]]:
    """Deposits that can still be given back, oldest first, with how much of each."""
    deposits = (
        Deposit.objects.filter(client_id=client_id, currency=currency, state=DepositState.CREDITED)
        .select_related("provider_account")
        .annotate(returned=Sum("returns__amount_minor", filter=Q(returns__state__in=LIVE_PARTS)))
        .order_by("credited_at", "id")
    )
    for deposit in deposits:
        if deposit.provider_account.kind not in registry.adapters() or not deposit.payment_reference:
            continue
        capabilities = registry.capabilities(deposit.provider_account.kind)
        method = capabilities.method(deposit.method)
        if method is None or not (capabilities.refunds and method.refundable):
            continue
        if deposit.credited_at is None or clock.now() - deposit.credited_at > timedelta(days=method.refund_days):
            continue
        gone = (deposit.returned or 0) + (deposit.reversed_minor or 0)
        left = _expressible(deposit.provider_account, Money((deposit.received_minor or 0) - gone, currency))
        if left.minor > 0:
            yield deposit, left


def _expressible(account: ProviderAccount, amount: Money) -> Money:
    """What goes back or out obeys the provider's units too: rounded down to its smallest step."""
    config = ProviderConfig(account_id=account.pk, mode=account.mode, settings=account.settings)
    step = max(1, registry.adapter_class(account.kind)(config).amount_step(amount.currency))
    return Money(amount.minor - amount.minor % step, amount.currency)


def plan(client_id: UUID, amount: Money, *, method: str = WIRE) -> Plan:
    """Spread an amount over sources, the rest paid out by `method`."""
    left = amount
    shares: list[Share] = []
    for deposit, most in returnable(client_id, amount.currency):
        if not left:
            break
        share = _expressible(deposit.provider_account, min(most, left, key=lambda money: money.minor))
        if share.minor:
            shares.append(Share(deposit.provider_account, deposit, share))
            left -= share
    if left and (paying := accounts_paying(method, amount.currency)):
        share = _expressible(paying[0], left)
        if share.minor:
            shares.append(Share(paying[0], None, share))
            left -= share
    return Plan(tuple(shares), left)
