"""Accounts: opening, changing, their rights, their money at an instant."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .units import Amount, Raw


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
    sign on MT5; the group may ask for more. `login` 0 lets the server choose. `investor_password` may be
    empty where accounts have none. `country` is a name as the server wants it.
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
class Copies:
    """What an account's owner copies others with, in accounts of the platform's below it: how many, and their money together."""

    login: int
    accounts: int
    balance: Amount
    equity: Amount


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
