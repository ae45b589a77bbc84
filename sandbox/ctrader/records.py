"""What this platform knows beyond the shared market's records, and the tables it is kept in.

Money in minor units of the trader's deposit currency, times in milliseconds of the server's clock, which shows UTC.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.exchange.store import Table


@dataclass(slots=True)
class Settings:
    """Settings of a plant beyond the market's. What is unverified against a live one is a setting here.

    `environment` and `plant` are what a manager must log in with. `chunk` is the most rows a listing of the
    Manager's API gives, `web_chunk` of WebServices. `newest_first` orders deals. `close_on_refusal` ends a
    connection whose log-in was refused. `failure_status` is the HTTP status of a declined WebServices call.
    `lot_size_scale` is what a unit of the base asset counts in the lot sizes of symbols and deals: 100 (cents) or 1.
    """

    plant: str
    environment: str = "demo"
    broker: str = "sandbox"
    chunk: int = 5000
    web_chunk: int = 100_000
    newest_first: bool = True
    close_on_refusal: bool = True
    failure_status: int = 400
    lot_size_scale: int = 100

    @classmethod
    def known(cls) -> set[str]:
        """Names of all settings."""
        return {column.name for column in fields(cls)}


@dataclass(slots=True)
class Group:
    """A trader group's id; its terms are the shared market's group of the same name, in US dollars."""

    name: str
    id: int
    description: str


@dataclass(slots=True)
class Trader:
    """A trader beside the shared account of the same login.

    `balance_version` grows with every change of the balance, `version` with every change of anything else.
    `manager_bonus` and `locked_bonus` together are the account's credit. `password` is the MD5 the clients send.
    `profile` holds the free fields of ProtoTrader by their names.
    """

    login: int
    trader_id: int
    password: str
    currency: str
    account_type: int
    access: int
    registered_ms: int
    updated_ms: int
    margin_type: int = 0
    balance_version: int = 0
    balance_seen: int = 0
    version: int = 1
    manager_bonus: int = 0
    locked_bonus: int = 0
    swap_free: bool = False
    profile: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class CashFlow:
    """A deposit, withdrawal or bonus; `id` is the shared deal's ticket, `delta` its size without a sign.

    `balance` and `bonus` (the manager's for `is_bonus`, else the locked one) are what stood afterwards.
    """

    id: int
    login: int
    is_bonus: bool
    type: int
    delta: int
    balance: int
    bonus: int
    balance_version: int
    equity: int
    at_ms: int
    comment: str
    external_note: str
    source: str
    external_id: str


@dataclass(slots=True)
class Charge:
    """What the trades of an open position cost so far and when it was first opened.

    Commission is taken when the position is closed, as on this platform; until then it lowers the equity.
    """

    position: int
    login: int
    commission: int
    opened_ms: int
    swap_seen: int
    volume_seen: int
    touched_ms: int


@dataclass(slots=True)
class DealNote:
    """What a deal did beyond the shared record; `balance` and after it are what stood afterwards."""

    ticket: int
    login: int
    commission: int
    realised_commission: int
    swap: int
    balance: int
    balance_version: int
    equity: int
    opened_ms: int


@dataclass(slots=True)
class CtraderId:
    """A cTID: a person's log-in at Spotware, to which traders are linked."""

    user_id: int
    email: str
    nickname: str
    language: str
    logins: list[int] = field(default_factory=list)


GROUPS = Table("trader_groups", Group, "name")
TRADERS = Table("traders", Trader, "login")
CASH = Table("cash_flows", CashFlow, "id")
CHARGES = Table("charges", Charge, "position")
NOTES = Table("deal_notes", DealNote, "ticket")
CTIDS = Table("ctids", CtraderId, "user_id")


def prepare(db: sqlite3.Connection) -> None:
    """Create the tables of this platform beside the shared ones."""
    for table in (GROUPS, TRADERS, CASH, CHARGES, NOTES, CTIDS):
        db.execute(table.ddl)
    db.execute("CREATE INDEX IF NOT EXISTS cash_login ON cash_flows (login, at_ms, id)")
    db.execute("CREATE INDEX IF NOT EXISTS cash_time ON cash_flows (at_ms, id)")
