"""Back to source first: over which deposits a withdrawal is spread, and what is left for a wire.

Closed loop (money.md; providers.md I4): a refund can return no more than was received and not yet returned, within the
method's time limit: the adapter's, or the account's own where that is shorter. Oldest first, because the oldest lapse
first. What counts of a source is what was sent to it: our fee is on top, and where the source could take more, more is
asked of the wallet for it. Deposits of another currency are not looked for: that money was exchanged since is a sign of
risk (`exchanged_since`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, Sum

from kernel import clock
from kernel.money import Money, total
from tenant_apps.clients.models import Client
from tenant_apps.wallets.selectors import exchanged_last

from .. import registry
from ..models import Deposit, DepositState, Destination, PartState, ProviderAccount, WithdrawalFee
from ..payouts import WIRE
from .payout_routing import accounts_paying
from .routing import step_of
from .withdrawal_fees import Way, fee_for, fee_of, fees_in_force, passed_on_of

LIVE_PARTS = (PartState.PLANNED, PartState.SENDING, PartState.PAID)


@dataclass(frozen=True, slots=True)
class Share:
    """A part to be: back to `deposit`, or paid out when that is None. `amount` leaves the wallet, `fee` of it is ours;
    `passed_on` is what the provider or network takes of what is sent."""

    account: ProviderAccount
    deposit: Deposit | None
    amount: Money
    fee: Money
    passed_on: Money

    @property
    def sent(self) -> Money:
        return self.amount - self.fee


@dataclass(frozen=True, slots=True)
class Plan:
    shares: tuple[Share, ...]
    uncovered: Money  # could neither go back nor be paid out: nothing connected pays this way
    eaten_by: Money | None = None  # our fee, where it would take all of what is uncovered

    @property
    def needs_destination(self) -> bool:
        return any(share.deposit is None for share in self.shares)

    @property
    def amount(self) -> Money:
        return total([share.amount for share in self.shares], self.uncovered.currency)

    @property
    def fee(self) -> Money:
        return total([share.fee for share in self.shares], self.uncovered.currency)

    @property
    def sent(self) -> Money:
        return self.amount - self.fee

    @property
    def passed_on(self) -> Money:
        return total([share.passed_on for share in self.shares], self.uncovered.currency)


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
        days = timedelta(days=deposit.provider_account.days_to_refund(method))
        if deposit.credited_at is None or clock.now() - deposit.credited_at > days:
            continue
        gone = (deposit.returned or 0) + (deposit.reversed_minor or 0)
        left = (deposit.received_minor or 0) - gone
        left -= left % _step(deposit.provider_account, currency)
        if left > 0:
            yield deposit, Money(left, currency)


def exchanged_since(client_id: UUID, currency: str) -> bool:
    """Whether money of other currencies was exchanged since deposits came in them that could still be given back.

    Money has no name: what is paid out in `currency` may be theirs, by however many exchanges, and then it would not go
    back where it came from. Nobody decides that but people (auto.py)."""
    for code, last in exchanged_last(client_id).items():
        if code != currency and any(
            deposit.credited_at and deposit.credited_at <= last for deposit, _ in returnable(client_id, code)
        ):
            return True
    return False


def _step(account: ProviderAccount, currency: str) -> int:
    """What goes back or out obeys the provider's units too."""
    return max(1, step_of(account, currency))


def plan(client: Client, amount: Money, *, destination: Destination | None = None) -> Plan:
    """Spread an amount over sources, the rest paid out to `destination`, or by wire where none is named yet, with what each
    share costs the client.

    Where a fee would take all that is left for a way, the plan ends there (`eaten_by`): nothing is sent by another way what
    belongs to a source."""
    rows, ways = fees_in_force(amount.currency), dict[UUID | None, Way]()
    left, shares = amount.minor, list[Share]()

    def way_of(account: ProviderAccount, code: str) -> Way:
        row = fee_for(rows, client, account.pk, code)
        return ways.setdefault(row.pk if row else None, Way(row, amount.currency))

    def sends(account: ProviderAccount, code: str) -> Money:
        trial = copy(way_of(account, code))
        return Money(trial.take(left, most=None, step=_step(account, amount.currency))[1], amount.currency)

    for account, deposit, code, most in _ways_out(client, amount.currency, destination, sends):
        way = way_of(account, code)
        gross, sent = way.take(left, most=None if most is None else most.minor, step=_step(account, amount.currency))
        if gross:
            shares.append(
                _share(way.row, account, deposit, Money(gross, amount.currency), Money(sent, amount.currency))
            )
            left -= gross
        elif way.more(left) <= 0:
            whole = Money(way.gross + left, amount.currency)
            return Plan(tuple(shares), Money(left, amount.currency), fee_of(way.row, whole))
        if not left:
            break  # before the next way is looked for
    return Plan(tuple(shares), Money(left, amount.currency))


def _share(
    row: WithdrawalFee | None, account: ProviderAccount, deposit: Deposit | None, gross: Money, sent: Money
) -> Share:
    return Share(account, deposit, gross, gross - sent, passed_on_of(row, sent))


def _ways_out(
    client: Client, currency: str, destination: Destination | None, sends: Callable[[ProviderAccount, str], Money]
) -> Iterator[tuple[ProviderAccount, Deposit | None, str, Money | None]]:
    """Sources with how much each can take, then the account that pays the rest out: one that takes what it would have to
    send by then. Looked for as far as it is asked for."""
    for deposit, most in returnable(client.pk, currency):
        yield deposit.provider_account, deposit, deposit.method, most
    method = destination.method if destination else WIRE
    paying = accounts_paying(client, currency, method, destination, sends=lambda account: sends(account, method))
    for account in paying[:1]:
        yield account, None, method, None
