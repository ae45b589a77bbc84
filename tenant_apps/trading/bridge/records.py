"""What the bridge knows of accounts, and a server's records in the units we store: minor units, UTC, plain texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from django.db.models import F

from kernel import clock
from kernel.money import Money
from tenant_apps.trading.margin import PERCENT, Levels
from tenant_apps.trading.models import AccountState, TradingAccount
from tenant_apps.trading.ports import AccountState as State
from tenant_apps.trading.ports import Deal, DealEntry, DealKind, Position

# Money put on or taken from an account by hand or by an operation; everything else is a result of trading.
BY_HAND = frozenset({DealKind.BALANCE, DealKind.CHARGE, DealKind.CORRECTION, DealKind.BONUS, DealKind.COMPENSATION})
TRADES = frozenset({DealKind.BUY, DealKind.SELL})
CLOSING = frozenset({DealEntry.OUT, DealEntry.IN_OUT, DealEntry.OUT_BY})


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account as the bridge needs it, without a query per round."""

    id: UUID
    client_id: UUID
    login: int
    currency: str
    live: bool
    topic: str
    book_topic: str
    adopted_at: datetime | None
    synced: bool
    country: str = ""  # the client's, whose custom of numbers the portal shows
    levels: Levels = Levels()


def accounts_of(server_id: UUID) -> dict[int, AccountRef]:
    """All accounts of a server that have a login and are not archived, by login."""
    rows = TradingAccount.objects.filter(server_id=server_id, login__isnull=False, state=AccountState.OPEN)
    rows = rows.select_related("account_type").annotate(country=F("client__country"))
    return {int(row.login or 0): ref_of(row, row.country) for row in rows}


def ref_of(row: TradingAccount, country: str) -> AccountRef:
    kind = row.account_type
    return AccountRef(
        id=row.pk,
        client_id=row.client_id,
        login=int(row.login or 0),
        currency=row.currency,
        live=row.live,
        topic=row.topic,
        book_topic=row.book_topic,
        adopted_at=row.adopted_at,
        synced=row.history_synced_at is not None,
        country=country,
        levels=Levels(kind.margin_call, kind.stop_out, kind.stop_out_unit or PERCENT),
    )


def minor(amount: Decimal, currency: str) -> int:
    """Minor units; a server that keeps more decimals than the currency has is rounded half to even."""
    if not amount:
        return 0  # most of them
    return Money.of(amount, currency, rounding=ROUND_HALF_EVEN).minor


def result_of(deal: Deal, currency: str) -> int:
    """What a deal does to the balance, in minor units. Credit is not balance."""
    if deal.kind is DealKind.CREDIT:
        return 0
    return minor(deal.profit + deal.swap + deal.commission + deal.fee, currency)


def event_ms(moment: datetime) -> int:
    """Epoch milliseconds by the real clock of something that happened by the (perhaps moved) clock of servers."""
    return int((moment.timestamp() - clock.shift()) * 1000)


# Columns of trading_deal, in the order of `deal_row`.
DEAL_COLUMNS = (
    "server_id", "deal", "account_id", "login", "order", "position", "kind", "entry", "reason", "symbol", "lots",
    "closed_lots", "price", "position_price", "contract_size", "profit_minor", "swap_minor", "commission_minor",
    "result_minor", "currency", "digits", "executed_at", "stored_at", "comment",
)  # fmt: skip


def deal_row(deal: Deal, server_id: UUID, account: AccountRef, stored_at: datetime) -> tuple[Any, ...]:
    """Values of DEAL_COLUMNS. The rounding's remainder goes to the profit, so that the parts sum to the result."""
    currency = account.currency
    swap, costs = minor(deal.swap, currency), minor(deal.commission + deal.fee, currency)
    result = result_of(deal, currency)
    profit = minor(deal.profit, currency) if deal.kind is DealKind.CREDIT else result - swap - costs
    return (
        server_id,
        deal.deal,
        account.id,
        deal.login,
        deal.order,
        deal.position,
        deal.kind.value,
        deal.entry.value if deal.entry else "",
        deal.reason.value,
        deal.symbol[:32],
        deal.lots,
        deal.closed_lots,
        deal.price,
        deal.position_price,
        deal.contract_size,
        profit,
        swap,
        costs,
        result,
        currency,
        deal.digits,
        deal.executed_at,
        stored_at,
        deal.comment[:64],
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Money of an account in minor units; two are equal when nothing worth storing has changed."""

    balance: int
    credit: int
    equity: int
    margin: int
    free_margin: int
    floating: int
    margin_level: Decimal | None
    leverage: int


def snapshot_of(state: State, currency: str) -> Snapshot:
    level = state.margin_level
    return Snapshot(
        balance=minor(state.balance, currency),
        credit=minor(state.credit, currency),
        equity=minor(state.equity, currency),
        margin=minor(state.margin, currency),
        free_margin=minor(state.free_margin, currency),
        floating=minor(state.floating, currency),
        margin_level=min(level, Decimal("999999999999")).quantize(Decimal("0.01")) if level is not None else None,
        leverage=state.leverage,
    )


@dataclass(frozen=True, slots=True)
class PositionRow:
    """An open position in the units we store."""

    account_id: UUID
    position: int
    symbol: str
    side: str
    lots: Decimal
    price_open: Decimal
    price_current: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    profit: int
    swap: int
    notional: int | None  # at the current price, in the account's currency; None where the server gives no rate
    currency: str
    opened_at: datetime


def position_row(position: Position, account: AccountRef) -> PositionRow:
    return PositionRow(
        account_id=account.id,
        position=position.position,
        symbol=position.symbol[:32],
        side=position.side.value,
        lots=position.lots,
        price_open=position.price_open,
        price_current=position.price_current,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        profit=minor(position.profit, account.currency),
        swap=minor(position.swap, account.currency),
        notional=_notional(position, account.currency),
        currency=account.currency,
        opened_at=position.opened_at,
    )


def _notional(position: Position, currency: str) -> int | None:
    value = position.lots * position.contract_size * position.price_current * position.profit_rate
    return minor(value, currency) if value else None
