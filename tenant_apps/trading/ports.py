"""What the platform needs from a trading server, whatever it is made of.

Conventions, kept by every adapter:

* Amounts are `Amount`: Decimal in the account's currency, at the scale the server states (`digits`), never
  float.
* Lots are whole standard lots (1 = 100 000 units of a forex pair's base currency; see `contract_size`).
* Times are timezone-aware UTC `datetime`s with microseconds. Adapters convert from the server's wall clock.
* Every method raises only `PlatformUnavailable`, `PlatformRejected` or, for the methods that change
  something, `OutcomeUnknown` (see `errors`). Methods never repeat a change on their own.
* `raw` keeps the server's own record, for the archive and for fields that no other platform has.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import TracebackType
from typing import Any, NewType, Protocol, Self, runtime_checkable

Amount = NewType("Amount", Decimal)  # account currency
Lots = NewType("Lots", Decimal)  # standard lots
Price = NewType("Price", Decimal)  # quote currency per unit of the base currency
Rate = NewType("Rate", Decimal)  # conversion factor between two currencies
Raw = Mapping[str, Any]

OPERATION_ID = re.compile(r"[A-Za-z0-9_-]{1,31}")
COMMENT_LIMIT = 31  # MT5 cuts after 31 characters; other platforms take more, so this holds for all of them


class BalanceKind(StrEnum):
    """Which pocket of the account a balance operation moves."""

    BALANCE = "balance"
    CREDIT = "credit"
    BONUS = "bonus"
    CORRECTION = "correction"


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


class MarginMode(StrEnum):
    NETTING = "netting"
    EXCHANGE = "exchange"
    HEDGING = "hedging"


class StopOutUnit(StrEnum):
    PERCENT = "percent"
    MONEY = "money"


class PasswordKind(StrEnum):
    """MAIN trades, INVESTOR looks, API is for programs."""

    MAIN = "main"
    INVESTOR = "investor"
    API = "api"


@dataclass(frozen=True, slots=True)
class AccountRights:
    """What the holder of an account may do; rights a platform has beyond these are left as they are."""

    can_log_in: bool = True
    can_trade: bool = True
    can_change_password: bool = True
    can_use_experts: bool = True
    can_trail_stops: bool = True
    gets_reports: bool = True


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to open. `external_id` is our own id of it, by which `account_open_find` finds it again.

    `leverage` 100 means 1:100. Passwords: 8 to 16 characters with lower and upper case, digit and special
    sign on MT5; the group may ask for more. `login` 0 lets the server choose. `country` is a name as the
    server wants it.
    """

    group: str
    name: str
    leverage: int
    password: str = field(repr=False)
    investor_password: str = field(repr=False)
    external_id: str
    rights: AccountRights = AccountRights()
    login: int = 0
    company: str = ""
    country: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    address: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    comment: str = ""
    agent: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the server describes it. `balance` and `credit` in the group's currency."""

    login: int
    group: str
    name: str
    leverage: int
    rights: AccountRights
    external_id: str
    email: str
    phone: str
    country: str
    comment: str
    agent: int
    balance: Amount
    credit: Amount
    registered_at: datetime | None
    last_access_at: datetime | None
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What to change; None leaves as is. `leverage` 100 means 1:100."""

    leverage: int | None = None
    group: str | None = None
    can_log_in: bool | None = None
    can_trade: bool | None = None
    can_change_password: bool | None = None
    can_use_experts: bool | None = None
    can_trail_stops: bool | None = None
    gets_reports: bool | None = None


@dataclass(frozen=True, slots=True)
class AccountState:
    """Money of an account at `read_at` (our clock, UTC). Amounts in `currency` with `digits` decimals.

    `margin_level` is equity / margin in percent, None while no margin is used. `floating` is the unrealised
    result.
    """

    login: int
    currency: str
    digits: int
    balance: Amount
    credit: Amount
    equity: Amount
    margin: Amount
    free_margin: Amount
    margin_level: Decimal | None
    floating: Amount
    leverage: int
    read_at: datetime
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BalanceOperation:
    """A signed movement of money on an account: positive in, negative out, in the account's currency.

    The comment on the server is `operation_id`, and a space and `note` where there is one; at most 31
    characters. `check_margin` makes the server refuse to take more than the free margin.
    """

    login: int
    kind: BalanceKind
    amount: Amount
    operation_id: str
    note: str = ""
    check_margin: bool = True

    @property
    def comment(self) -> str:
        return f"{self.operation_id} {self.note}" if self.note else self.operation_id

    def problem(self) -> str | None:
        """Why the comment cannot carry this operation safely, None if it can.

        A cut or altered comment would hide the operation id, the only key by which it can be found again.
        """
        if not OPERATION_ID.fullmatch(self.operation_id):
            return "an operation id is 1 to 31 of A-Z a-z 0-9 _ -"
        if len(self.comment) > COMMENT_LIMIT:
            return f"comment of {len(self.comment)} characters, the limit is {COMMENT_LIMIT}"
        if not (self.comment.isascii() and self.comment.isprintable()):
            return "comment with characters outside printable ASCII"
        return None


@dataclass(frozen=True, slots=True)
class BalanceResult:
    """A balance operation that stands on the server as deal `deal`.

    `executed_at` (UTC) is None where the server's answer does not tell.
    """

    login: int
    deal: int
    operation_id: str
    amount: Amount
    kind: BalanceKind
    executed_at: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server and its clock.

    `utc_offset` is what its wall clock shows minus UTC; `clock_skew` what remains. `zone_agrees` tells
    whether the server's own zone settings say the same; None when it would not tell.
    """

    name: str
    owner: str
    build: str
    utc_offset: timedelta
    clock_skew: timedelta
    zone_agrees: bool | None
    measured_at: datetime


@runtime_checkable
class TradingPlatform(Protocol):
    """One trading server, as a manager of the brokerage sees it.

    Safe for concurrent use within one event loop.
    """

    @property
    def server(self) -> str:
        """Our name of the server: part of the key of every deal and position."""

    @property
    def quiet_period(self) -> timedelta:
        """How long after an attempt "not found" is not yet proof that a change did not happen."""

    async def connect(self) -> None:
        """Log in and measure the server's clock.

        Raises PlatformUnavailable, PlatformRejected (credentials).
        """

    async def close(self) -> None:
        """Log out and release the sockets; calls afterwards raise PlatformUnavailable. Never raises."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def server_info(self) -> ServerInfo:
        """Who the server is, with its clock measured anew."""

    async def account_open(self, account: NewAccount) -> Account:
        """Open an account and return it as the server stored it.

        Raises OutcomeUnknown (see account_open_find).
        """

    async def account_open_find(self, group: str, external_id: str) -> Account | None:
        """The account of exactly this group that carries our id; resolves an unknown `account_open`."""

    async def account_get(self, login: int) -> Account:
        """Raises PlatformRejected (NOT_FOUND)."""

    async def account_update(self, login: int, change: AccountChange) -> Account:
        """Read, change, write whole, read again and compare.

        Raises ChangesIgnored listing what the server silently did not do, and OutcomeUnknown (the change is
        absolute: read the account, and repeat if it differs).
        """

    async def password_change(self, login: int, kind: PasswordKind, password: str) -> None:
        """Set a password.

        Raises PlatformRejected (INVALID_PASSWORD) when too weak; OutcomeUnknown (resolve by password_check).
        """

    async def password_check(self, login: int, kind: PasswordKind, password: str) -> bool:
        """Whether this is the password."""

    async def account_states(self, *, logins: Collection[int] = (), group: str = "") -> tuple[AccountState, ...]:
        """Money of the accounts named, or of a group mask, by login. Unknown logins are left out.

        Exactly one of the two, else ValueError.
        """

    async def balance_operation(self, operation: BalanceOperation) -> BalanceResult:
        """Move money.

        Raises PlatformRejected (NOT_ENOUGH_MONEY, …) or OutcomeUnknown (balance_operation_find).
        """

    async def balance_operation_find(self, login: int, operation_id: str, since: datetime) -> BalanceResult | None:
        """The deal which carries this operation id, made at or after `since` (UTC; clocks may differ).

        None is proof of absence only when `quiet_period` has passed since the attempt. Raises
        DuplicateOperation.
        """

    async def deals(
        self, since: datetime, until: datetime, *, logins: Collection[int] = (), group: str = ""
    ) -> tuple[Deal, ...]:
        """All deals with since <= executed_at < until of the logins or a group mask, by time and number."""

    async def deals_of(self, login: int, since: datetime, until: datetime) -> tuple[Deal, ...]:
        """The same for one login, fetched in pages: for long histories."""

    async def positions(self, *, logins: Collection[int] = (), group: str = "") -> tuple[Position, ...]:
        """Open positions of the logins or of a group mask, by number."""

    async def groups(self, mask: str = "*") -> tuple[GroupInfo, ...]:
        """Groups this manager may see, by name."""

    async def symbols(self, names: Collection[str] | None = None) -> tuple[SymbolInfo, ...]:
        """Instruments by name; all of them when None. One request per instrument: keep the answer."""

    async def ticks(self, symbols: Collection[str], cursor: int = 0) -> Ticks:
        """Latest prices of these symbols that are newer than `cursor` (0: all)."""
