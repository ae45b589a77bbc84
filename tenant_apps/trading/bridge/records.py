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
from tenant_apps.trading.models import AccountState, TradingAccount
from tenant_apps.trading.ports import AccountState as State
from tenant_apps.trading.ports import Deal, DealKind, Position

# Money put on or taken from an account by hand or by an operation; everything else is a result of trading.
BY_HAND = frozenset({DealKind.BALANCE, DealKind.CHARGE, DealKind.CORRECTION, DealKind.BONUS, DealKind.COMPENSATION})
TRADES = frozenset({DealKind.BUY, DealKind.SELL})


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


def accounts_of(server_id: UUID) -> dict[int, AccountRef]:
    """All accounts of a server that have a login and are not archived, by login."""
    rows = TradingAccount.objects.filter(server_id=server_id, login__isnull=False, state=AccountState.OPEN)
    rows = rows.annotate(country=F("client__country"))
    return {int(row.login or 0): ref_of(row, row.country) for row in rows}


def ref_of(row: TradingAccount, country: str) -> AccountRef:
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
    )


def minor(amount: Decimal, currency: str) -> int:
    """Minor units; a server that keeps more decimals than the currency has is rounded half to even."""
    return Money.of(amount, currency, rounding=ROUND_HALF_EVEN).minor


def result_of(deal: Deal, currency: str) -> int:
    """What a deal does to the balance, in minor units. Credit is not balance."""
    if deal.kind is DealKind.CREDIT:
        return 0
    return minor(deal.profit + deal.swap + deal.commission + deal.fee, currency)


def event_ms(moment: datetime) -> int:
    """Epoch milliseconds by the real clock of something that happened by the (perhaps moved) clock of servers."""
    return int((moment.timestamp() - clock.shift()) * 1000)


# Columns of trading_deal with their types, in the order of `deal_row`.
DEAL_COLUMNS: dict[str, str] = {
    "server_id": "uuid", "deal": "bigint", "account_id": "uuid", "login": "bigint", "order": "bigint",
    "position": "bigint", "kind": "text", "entry": "text", "reason": "text", "symbol": "text", "lots": "numeric",
    "closed_lots": "numeric", "price": "numeric", "position_price": "numeric", "contract_size": "numeric",
    "profit_minor": "bigint", "swap_minor": "bigint", "commission_minor": "bigint", "result_minor": "bigint",
    "currency": "text", "digits": "smallint", "executed_at": "timestamptz", "stored_at": "timestamptz",
    "comment": "text",
}  # fmt: skip


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
        currency=account.currency,
        opened_at=position.opened_at,
    )
