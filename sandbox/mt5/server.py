"""One trading server: its settings, its book in memory, its file on disk, and the single way to change
both.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.accounting import AccountState, state_of
from sandbox.exchange.catalogue import SYMBOLS, GroupSpec, SymbolSpec
from sandbox.exchange.clock import Clock, real_ms
from sandbox.exchange.faults import FaultPlan
from sandbox.exchange.feed import Feed
from sandbox.exchange.market import Market
from sandbox.exchange.records import Account, Deal, Manager, Order, Position, RobotRow
from sandbox.exchange.retcodes import Refused, Retcode

EVENTS_KEPT = 100_000


@dataclass(slots=True)
class ServerConfig:
    """Settings of a server. What is unverified against a live one is a setting here.

    `failure_status` is the HTTP status of a refused log-in and of calls without one; `update_semantics`
    says what happens to fields a user/update leaves out (`keep` or `replace`). `raw_port` is the TCP port of
    the text protocol, 0 before it has one.
    """

    name: str
    timezone_minutes: int = 120
    daylight: int = 0
    daylight_state: int = 0
    currency: str = "USD"
    owner: str = ""
    login_first: int = 100_001
    login_last: int = 999_999
    max_leverage: int = 500
    autotrade: bool = False
    autotrade_limit: int = 60
    failure_status: int = 403
    update_semantics: str = "keep"
    raw_port: int = 0

    @classmethod
    def known(cls) -> set[str]:
        """Names of all settings."""
        return {column.name for column in fields(cls)}


@dataclass(slots=True)
class Book:
    """Everything that must be at hand: rebuilt from the file at start and after a failed transaction."""

    groups: dict[str, GroupSpec] = field(default_factory=dict)
    managers: dict[int, Manager] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    by_login: dict[int, dict[int, Position]] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    robots: dict[int, RobotRow] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)


class TradingServer:
    """A named trading server.

    Change it only inside `transaction()`; answer only after that block has ended.
    """

    def __init__(self, path: Path, clock: Clock, feed: Feed, seed: int) -> None:
        self.db = store.open_database(path)
        self.clock = clock
        self.feed = feed
        self.seed = seed
        self.config = ServerConfig(**(store.meta_get(self.db, "config") or {}))
        self.market = Market(self.config.name, feed, SYMBOLS)
        self.faults = FaultPlan()
        self.skew_ms = 0
        self.changed = asyncio.Event()
        self.book = Book()
        self._depth = 0
        self._reload()
        self._catch_up()
        self.db.execute("DELETE FROM events WHERE seq < (SELECT MAX(seq) FROM events) - ?", (EVENTS_KEPT,))
        self.market.start(clock.now_ms(), self.wall_ms())
        if store.meta_get(self.db, "rolled_wall_ms") is None:  # nights count from now on, not from the first beat
            store.meta_put(self.db, "rolled_wall_ms", self.wall_ms())

    @staticmethod
    def create(path: Path, config: ServerConfig, groups: list[GroupSpec], managers: list[Manager]) -> None:
        """Write the file of a new server.

        The name becomes a host name, so it must be a plain label (Refused 3).
        """
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", config.name):
            raise Refused(Retcode.INVALID_PARAMETERS, "a server name is a host label: a-z, 0-9 and -")
        db = store.open_database(path)
        with db:
            db.execute("BEGIN IMMEDIATE")
            store.meta_put(db, "config", asdict(config))
            store.GROUPS.add(db, groups)
            store.MANAGERS.add(db, managers)
        db.close()

    def _reload(self) -> None:
        book = Book()
        book.groups = {group.name: group for group in store.GROUPS.all(self.db)}
        book.managers = {manager.login: manager for manager in store.MANAGERS.all(self.db)}
        book.accounts = {account.login: account for account in store.ACCOUNTS.all(self.db)}
        book.orders = {order.ticket: order for order in store.ORDERS.all(self.db)}
        book.robots = {row.login: row for row in store.ROBOTS.all(self.db)}
        for position in store.POSITIONS.all(self.db):
            book.positions[position.ticket] = position
            book.by_login.setdefault(position.login, {})[position.ticket] = position
        book.counters = store.meta_get(self.db, "counters") or {"order": 1000, "deal": 1000}
        self.book = book

    def _catch_up(self) -> None:
        # Imported history may lie ahead of a clock that was not advanced; live time must not fall behind live
        # deals.
        last = store.meta_get(self.db, "last_utc_ms")
        if last is not None:
            self.clock.ensure_after(last)

    # -- time ------------------------------------------------------------------------------------------------

    @property
    def offset_ms(self) -> int:
        """What the server's wall clock is ahead of UTC: zone, daylight saving and any skew ordered as a
        fault.
        """
        minutes = self.config.timezone_minutes + (60 if self.config.daylight and self.config.daylight_state else 0)
        return minutes * 60_000 + self.skew_ms

    def wall_ms(self) -> int:
        """The server's wall clock, as milliseconds of an epoch that pretends to be UTC (as on the wire)."""
        return self.clock.now_ms() + self.offset_ms

    # -- changing things -------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk when the block ends. On any error the book is what the file says.

        A Refused raised before anything was written costs no reload. Blocks nest; the outermost commits.
        """
        if self._depth:
            yield
            return
        before = self.db.total_changes
        counters = dict(self.book.counters)
        self.db.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            if counters != self.book.counters:
                store.meta_put(self.db, "counters", self.book.counters)
            if self.db.total_changes != before:
                store.meta_put(self.db, "last_utc_ms", self.clock.now_ms())
            self.db.execute("COMMIT")
        except BaseException:
            dirty = self.db.total_changes != before
            self.db.execute("ROLLBACK")
            if dirty:
                self._reload()
            else:
                self.book.counters = counters
            raise
        finally:
            self._depth = 0
        if self.db.total_changes != before:
            self.changed.set()
            self.changed = asyncio.Event()

    def next_ticket(self, kind: str) -> int:
        """The next `order` or `deal` number; never given twice, whatever is deleted later."""
        self.book.counters[kind] += 1
        return self.book.counters[kind]

    def event(self, kind: str, payload: dict[str, Any]) -> None:
        """Log something that happened, with the machine's time (for measuring how long it takes to be
        seen).
        """
        store.event_add(self.db, real_ms(), kind, payload)

    def save_account(self, account: Account) -> None:
        """Write an account's row."""
        self.book.accounts[account.login] = account
        store.ACCOUNTS.put(self.db, account)

    def save_position(self, position: Position) -> None:
        """Write an open position's row."""
        self.book.positions[position.ticket] = position
        self.book.by_login.setdefault(position.login, {})[position.ticket] = position
        store.POSITIONS.put(self.db, position)

    def drop_position(self, position: Position) -> None:
        """Remove a closed position."""
        del self.book.positions[position.ticket]
        del self.book.by_login[position.login][position.ticket]
        store.POSITIONS.delete(self.db, position.ticket)

    def add_deal(self, deal: Deal) -> None:
        """Record a deal and its event."""
        store.DEALS.add(self.db, [deal])
        self.event("deal", {**asdict(deal), "deal": deal.ticket, "time_utc_ms": deal.time_msc - self.offset_ms})

    def save_config(self) -> None:
        """Write the settings."""
        store.meta_put(self.db, "config", asdict(self.config))

    # -- reading ---------------------------------------------------------------------------------------------

    def account(self, login: int) -> Account:
        """A live (not archived) account. Refused 13 when there is none."""
        account = self.book.accounts.get(login)
        if account is None or account.archived:
            raise Refused(Retcode.NOT_FOUND, f"login {login}")
        return account

    def group_of(self, account: Account) -> GroupSpec:
        """The account's group."""
        return self.book.groups[account.group]

    def positions_of(self, login: int) -> list[Position]:
        """Open positions of an account, oldest first."""
        return list(self.book.by_login.get(login, {}).values())

    def state(self, account: Account) -> AccountState:
        """Equity, margin and the rest, now."""
        return state_of(self.market, self.group_of(account), account, self.positions_of(account.login))

    def symbol(self, name: str) -> SymbolSpec:
        """A symbol. Refused 13 when unknown."""
        spec = self.market.symbols.get(name)
        if spec is None:
            raise Refused(Retcode.NOT_FOUND, f"symbol {name}")
        return spec

    def close(self) -> None:
        """Close the file."""
        self.db.close()
