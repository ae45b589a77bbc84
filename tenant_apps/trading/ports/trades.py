"""Deals and open positions."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .units import Amount, Lots, Price, Rate, Raw


class DealKind(StrEnum):
    """What a deal is. Only BUY and SELL are trades; the rest carry their amount in `profit`."""

    BUY = "buy"
    SELL = "sell"
    BALANCE = "balance"
    CREDIT = "credit"
    CHARGE = "charge"
    CORRECTION = "correction"
    BONUS = "bonus"
    COMMISSION = "commission"
    AGENT = "agent"
    INTEREST = "interest"
    CANCELLED_BUY = "cancelled_buy"
    CANCELLED_SELL = "cancelled_sell"
    DIVIDEND = "dividend"
    TAX = "tax"
    COMPENSATION = "compensation"
    COPY = "copy"
    """Into or back from the account's own copies of strategies, which the platform keeps in accounts below it."""
    COPY_FEE = "copy_fee"
    """Paid by who copies to who is copied, on either's account."""
    OTHER = "other"


class DealEntry(StrEnum):
    IN = "in"
    OUT = "out"
    IN_OUT = "in_out"
    OUT_BY = "out_by"


class DealReason(StrEnum):
    """Who or what caused a deal."""

    CLIENT = "client"
    EXPERT = "expert"
    DEALER = "dealer"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    STOP_OUT = "stop_out"
    ROLLOVER = "rollover"
    GATEWAY = "gateway"
    SIGNAL = "signal"
    MOBILE = "mobile"
    WEB = "web"
    SPLIT = "split"
    OTHER = "other"


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal: trade or money movement. Unique per (server, deal).

    `lots` and `closed_lots` in standard lots; `profit`, `swap`, `commission`, `fee` in the account's
    currency; `profit_rate` converts the symbol's profit currency into it, `margin_rate` the margin currency.
    `bid` and `ask` are the market at execution, None where the server did not record them. `entry` is None
    unless a trade.
    """

    server: str
    deal: int
    login: int
    order: int
    position: int
    external_id: str
    kind: DealKind
    entry: DealEntry | None
    reason: DealReason
    symbol: str
    lots: Lots
    closed_lots: Lots
    price: Price
    position_price: Price
    bid: Price | None
    ask: Price | None
    gateway_price: Price | None
    contract_size: Decimal
    profit: Amount
    swap: Amount
    commission: Amount
    fee: Amount
    profit_rate: Rate
    margin_rate: Rate
    digits: int
    executed_at: datetime
    comment: str
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. `profit` and `swap` in the account's currency; stops are None where not set."""

    server: str
    position: int
    login: int
    symbol: str
    side: Side
    lots: Lots
    price_open: Price
    price_current: Price
    stop_loss: Price | None
    take_profit: Price | None
    contract_size: Decimal
    profit: Amount
    swap: Amount
    profit_rate: Rate
    margin_rate: Rate
    reason: DealReason
    opened_at: datetime
    updated_at: datetime
    comment: str
    raw: Raw = field(repr=False, compare=False)
