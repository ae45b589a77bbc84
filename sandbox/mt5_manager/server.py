"""A server of the sandbox's MT5 market whose happenings are told, and whose operations are remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.clock import Clock
from sandbox.exchange.faults import REQUEST_FAULTS, FaultPlan
from sandbox.exchange.feed import Feed
from sandbox.exchange.records import Account, Deal, Position
from sandbox.mt5.server import TradingServer

FAULTS = (REQUEST_FAULTS - {"wrong_hash", "http_status"}) | {"wrong_proof", "skip_event", "repeat_event"}
_USER = {
    "user_add": "opened",
    "user_update": "changed",
    "user_delete": "deleted",
    "user_archive": "archived",
    "user_restore": "restored",
}
_MARGIN = {"margin_call": "call", "stop_out": "stop_out"}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to tell those who may see `login` (0: everybody). `deal` is shown when it is told."""

    kind: str
    login: int = 0
    what: str = ""
    number: int = 0
    deal: Deal | None = None


Listener = Callable[[list[Happening]], None]


class BridgedServer(TradingServer):
    """Tells after the commit, in the order in which things happened, and never what was rolled back."""

    def __init__(self, path: Path, clock: Clock, feed: Feed, seed: int) -> None:
        self._happened: list[Happening] = []
        self._touched: dict[int, None] = {}
        self.listeners: list[Listener] = []
        self.hang_up: set[Callable[[], None]] = set()
        super().__init__(path, clock, feed, seed)
        self.faults = FaultPlan(kinds=frozenset(FAULTS))
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS operations (manager INTEGER, call TEXT, operation TEXT, digest TEXT NOT NULL,"
            " answer TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (manager, call, operation))"
        )

    @property
    def zone_ms(self) -> int:
        """What the wall clock should be ahead of UTC; a skew ordered as a fault is not in it, so it shows."""
        return self.offset_ms - self.skew_ms

    def utc_ms(self, wall_ms: int) -> int:
        """A moment of the server's wall clock as the service converts it."""
        return wall_ms - self.zone_ms

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As that of every trading server; the outermost tells what happened."""
        if self._depth:
            yield
            return
        self._happened, self._touched = [], {}
        with super().transaction():
            yield
        told = {one.login for one in self._happened if one.kind in ("deal", "account")}
        changed = [Happening("account", login, "changed") for login in self._touched if login not in told]
        happened, self._happened = [*self._happened, *changed], []
        if happened:
            for listener in self.listeners:
                listener(happened)

    def save_account(self, account: Account) -> None:
        super().save_account(account)
        self._touched[account.login] = None

    def save_position(self, position: Position) -> None:
        what = "changed" if position.ticket in self.book.positions else "opened"
        super().save_position(position)
        self._happened.append(Happening("position", position.login, what, position.ticket))

    def drop_position(self, position: Position) -> None:
        super().drop_position(position)
        self._happened.append(Happening("position", position.login, "closed", position.ticket))

    def add_deal(self, deal: Deal) -> None:
        super().add_deal(deal)
        self._happened.append(Happening("deal", deal.login, number=deal.ticket, deal=deal))

    def event(self, kind: str, payload: dict[str, Any]) -> None:
        """Log as every trading server does, and tell what managers are told of."""
        super().event(kind, payload)
        login = int(payload.get("login", 0))
        if kind in _USER:
            self._happened.append(Happening("account", login, _USER[kind]))
        elif kind in _MARGIN:
            self._happened.append(Happening("margin", login, _MARGIN[kind]))
        elif kind in ("deal_update", "deal_delete"):
            told = "deal_changed" if kind == "deal_update" else "deal_deleted"
            self._happened.append(Happening(told, login, number=int(payload["deal"])))
        elif kind == "history":
            self._happened.append(Happening("missed"))

    def deal_of(self, ticket: int) -> Deal | None:
        """A past deal by its number."""
        return next(iter(store.DEALS.where(self.db, "ticket = ?", (ticket,))), None)
