"""A trading server without sockets, on a clock the test moves: for what needs thousands of steps."""

from __future__ import annotations

from pathlib import Path

from sandbox.exchange.clock import Clock
from sandbox.exchange.records import Account
from sandbox.mt5.registry import Registry
from sandbox.mt5.server import TradingServer

NOON = 1_700_049_600_000
"""2023-11-15 12:00 UTC, a Wednesday inside the real history."""


class HandClock(Clock):
    """Moves only when told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ms = NOON

    def now_ms(self) -> int:
        return self.ms

    def ensure_after(self, ms: int) -> None:
        self.ms = max(self.ms, ms)


def make_registry(folder: Path, seed: int = 7) -> tuple[Registry, HandClock]:
    """A registry over an empty (or used) folder."""
    clock = HandClock(folder / "clock.json")
    return Registry(folder, clock, seed), clock


def make_server(folder: Path, **settings: object) -> tuple[TradingServer, HandClock]:
    """One server with the default groups in five currencies."""
    registry, clock = make_registry(folder)
    currencies = ["USD", "EUR", "KZT", "KWD"]
    return registry.create({"name": "inside", "currencies": currencies, **settings}), clock


def add_account(server: TradingServer, login: int, group: str, leverage: int = 100) -> Account:
    """An account without the wire's ceremony."""
    account = Account(login, group, f"Client {login}", leverage, 483, 0, 0, 0)
    with server.transaction():
        server.save_account(account)
    return account
