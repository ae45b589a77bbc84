"""What is traded, at which prices, and the groups that say on which terms."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .units import Lots, Price, Raw


class MarginMode(StrEnum):
    NETTING = "netting"
    EXCHANGE = "exchange"
    HEDGING = "hedging"


class StopOutUnit(StrEnum):
    PERCENT = "percent"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group of accounts.

    `margin_call` and `stop_out` in `stop_out_unit` (percent, or the group's currency).
    """

    name: str
    company: str
    currency: str
    digits: int
    margin_mode: MarginMode
    margin_call: Decimal
    stop_out: Decimal
    stop_out_unit: StopOutUnit
    min_password_length: int
    connections_allowed: bool
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """An instrument.

    `spread` in points (0 = floating); `point` is the smallest price step; lots are standard lots.
    """

    symbol: str
    path: str
    base_currency: str
    profit_currency: str
    margin_currency: str
    digits: int
    point: Price
    spread: int
    contract_size: Decimal
    tick_size: Price
    tick_value: Decimal
    lots_min: Lots
    lots_max: Lots
    lots_step: Lots
    swap_long: Decimal
    swap_short: Decimal
    is_tradable: bool
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Tick:
    """A price. `last` is None where the market reports no last trade."""

    symbol: str
    bid: Price
    ask: Price
    last: Price | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Ticks:
    """Prices newer than the cursor asked with; pass `cursor` to the next call."""

    ticks: tuple[Tick, ...]
    cursor: int
