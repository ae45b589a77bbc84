"""The heartbeat of a trading server: four times a second prices move and everything that depends on them
follows.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3

from sandbox.exchange import store
from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import risk
from sandbox.mt5.registry import Registry
from sandbox.mt5.robots import Crew
from sandbox.mt5.server import TradingServer

STEP_SECONDS = 0.25
_MARGIN_EVERY = 4
log = logging.getLogger(__name__)


class Engine:
    """Drives one server."""

    def __init__(self, server: TradingServer) -> None:
        self._server = server
        self._crew = Crew(server)
        self._steps = 0

    def step(self) -> None:
        """One beat: at most one commit, none when nothing happened."""
        server = self._server
        self._steps += 1
        now = server.clock.now_ms()
        wall = server.wall_ms()
        changed = server.market.step(now, wall)
        with server.transaction():
            if risk.roll_over(server, store.meta_get(server.db, "rolled_wall_ms") or wall, wall) > 0:
                store.meta_put(server.db, "rolled_wall_ms", wall)
            if changed:
                risk.check_stops(server, changed)
                risk.check_pending(server, changed)
            if self._steps % _MARGIN_EVERY == 0:
                risk.check_margins(server)
            if not server.market.frozen:
                self._crew.step(now)


async def run_all(registry: Registry) -> None:
    """Beat for every server there is, for ever; a server whose step fails is logged and goes on with the
    next.
    """
    engines: dict[str, Engine] = {}
    while True:
        started = asyncio.get_running_loop().time()
        for name, server in list(registry.servers.items()):
            if name not in engines:
                engines[name] = Engine(server)
            try:
                engines[name].step()
            except (sqlite3.Error, ArithmeticError, LookupError, Refused):
                log.exception("step of %s failed; its book was rebuilt from the file", name)
            await asyncio.sleep(0)
        spent = asyncio.get_running_loop().time() - started
        await asyncio.sleep(max(0.01, STEP_SECONDS - spent))
