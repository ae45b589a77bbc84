"""The server's own records.

Money in minor units of the group's currency, prices in points, volumes in 1/10 000 lot.

Times are the server's wall clock: seconds, or milliseconds where the name ends in `msc`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Action(IntEnum):
    """What a deal is (`Action` on the wire)."""

    BUY = 0
    SELL = 1
    BALANCE = 2
    CREDIT = 3
    CHARGE = 4
    CORRECTION = 5
    BONUS = 6
    STOP_OUT_COMPENSATION = 19


class Entry(IntEnum):
    """How a deal changes a position."""

    IN = 0
    OUT = 1
    INOUT = 2
    OUT_BY = 3


class Reason(IntEnum):
    """Who or what caused a deal."""

    CLIENT = 0
    EXPERT = 1
    DEALER = 2
    STOP_LOSS = 3
    TAKE_PROFIT = 4
    STOP_OUT = 5


RIGHT_ENABLED = 0x1
RIGHT_TRADE_DISABLED = 0x4
DEFAULT_RIGHTS = 0x1E3


@dataclass(slots=True)
class Account:
    """A client account: the User record plus its money."""

    login: int
    group: str
    name: str
    leverage: int
    rights: int
    registration: int
    last_access: int
    last_pass_change: int
    balance: int = 0
    credit: int = 0
    balance_prev_day: int = 0
    equity_prev_day: int = 0
    balance_prev_month: int = 0
    equity_prev_month: int = 0
    so_activation: int = 0
    so_time: int = 0
    so_level: str = "0.00"
    so_equity: int = 0
    so_margin: int = 0
    password_main: str = ""
    password_investor: str = ""
    password_api: str = ""
    archived: int = 0
    details: dict[str, str] = field(default_factory=dict)
    """The free text fields of the User record by wire name (`Email`, `Phone`, `Comment`, ...)."""
    api_data: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Position:
    """An open position.

    `notional` is its margin before leverage in account currency, fixed when it was opened.
    """

    ticket: int
    login: int
    symbol: str
    action: int
    volume: int
    price_open: int
    time_create_msc: int
    time_update_msc: int
    notional: int
    rate_margin: str
    reason: int = 0
    expert: int = 0
    price_sl: int = 0
    price_tp: int = 0
    storage: int = 0
    comment: str = ""


@dataclass(slots=True)
class Order:
    """An order, pending or finished. `state` 1 placed, 2 cancelled, 4 filled, 6 expired."""

    ticket: int
    login: int
    symbol: str
    type: int
    state: int
    volume_initial: int
    volume_current: int
    price_order: int
    price_current: int
    time_setup_msc: int
    time_done_msc: int
    position: int = 0
    position_by: int = 0
    reason: int = 0
    expert: int = 0
    price_sl: int = 0
    price_tp: int = 0
    comment: str = ""


@dataclass(slots=True)
class Deal:
    """A deal: a trade (action 0, 1) or a change of money (2 and up, the amount in `profit`)."""

    ticket: int
    login: int
    order_ticket: int
    action: int
    entry: int
    reason: int
    time_msc: int
    symbol: str
    price: int
    volume: int
    volume_closed: int
    profit: int
    storage: int
    commission: int
    fee: int
    profit_raw: str
    rate_profit: str
    rate_margin: str
    position: int
    price_position: int
    price_sl: int
    price_tp: int
    market_bid: int
    market_ask: int
    dealer: int
    expert: int
    digits_currency: int
    comment: str
    modify_flags: int = 0

    @property
    def total(self) -> int:
        """What this deal does to the balance (or, for credit, to the credit)."""
        return self.profit + self.storage + self.commission + self.fee


@dataclass(slots=True)
class Manager:
    """A Web API log-in.

    `secret` is MD5(MD5(UTF-16LE password) + "WebAPI"), hex: all the protocol ever needs.
    """

    login: int
    secret: str
    groups: list[str]
    rights: list[int]


@dataclass(slots=True)
class RobotRow:
    """A trading robot's seat: which account, which habit, its partner account (hedger) and its symbols."""

    login: int
    habit: str
    partner: int
    symbols: list[str]
