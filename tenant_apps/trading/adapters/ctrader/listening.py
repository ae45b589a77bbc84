"""What the server tells by itself: kept in order for one listener, in bounds, with a gap wherever something may be missing."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from tenant_apps.trading.errors import PlatformError, PlatformRejected, PlatformUnavailable
from tenant_apps.trading.ports import Deal, Heard

from . import ledger, records, wire
from . import manager_pb2 as pb
from .parts import Parts
from .values import Malformed
from .wire import Incoming

FILLS = frozenset({3, 11})  # whole, in part


class Ear:
    """A `Hearer`: events until they are taken. None stands for a gap, after which everything is read anyway."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[Incoming | None] = deque()
        self._filled = asyncio.Event()
        self._failure: PlatformError | None = None

    def connected(self) -> None:
        self._gap()

    def heard(self, incoming: Incoming) -> None:
        if incoming.number == wire.SPOT:
            return
        if len(self._items) >= self._limit:
            self._gap()
        self._items.append(incoming)
        self._filled.set()

    def _gap(self) -> None:
        self._items.clear()
        self._items.append(None)
        self._filled.set()

    def fail(self, error: PlatformError) -> None:
        self._failure = error
        self._filled.set()

    async def take(self) -> Incoming | None:
        """Raises what `fail` was given, once everything before it is taken."""
        while not self._items:
            if self._failure is not None:
                raise self._failure
            self._filled.clear()
            await self._filled.wait()
        return self._items.popleft()


class Listening:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config
        self._busy = False

    async def listen(self) -> AsyncIterator[Heard]:
        if self._busy:
            raise ValueError("somebody listens already")
        self._busy = True
        ear = Ear(self._config.listen_limit)
        if self._parts.link.is_connected:
            ear.connected()  # what happened before anybody listened is for the listener to read
        self._parts.link.hearers.append(ear)
        keeper = asyncio.create_task(self._keep_connected(ear), name=f"listen {self._config.server}")
        try:
            while True:
                heard = await self._understood(await ear.take())
                if heard is not None:
                    yield heard
        finally:
            await self._leave(ear, keeper)

    async def _leave(self, ear: Ear, keeper: asyncio.Task[None]) -> None:
        self._busy = False
        self._parts.link.hearers.remove(ear)
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper

    async def _keep_connected(self, ear: Ear) -> None:
        pause = self._config.backoff_first
        while True:
            try:
                session = await self._parts.link.session()
            except PlatformRejected as error:
                ear.fail(error)
                return
            except PlatformUnavailable as error:
                if self._parts.link.is_closed:
                    ear.fail(error)
                    return
                # Not all at the same moment, when a server that many were connected to comes back.
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
                pause = min(pause * 2, self._config.backoff_most)
            else:
                pause = self._config.backoff_first
                await session.lost.wait()

    # --- what an event means

    async def _understood(self, incoming: Incoming | None) -> Heard | None:
        """None for what concerns nobody. What cannot be understood is a gap: reading again tells the same."""
        if incoming is None:
            return Heard(gap=True)
        try:
            event = wire.read(wire.EVENTS[incoming.number], incoming.payload)
            if incoming.number == wire.TRADER_CHANGED:
                login = event.trader.login
                return Heard(logins=frozenset({login})) if login else Heard(gap=True)
            return await self._executed(event)
        except (Malformed, PlatformError):
            return Heard(gap=True)

    async def _executed(self, event: pb.ExecutionEvent) -> Heard | None:
        trader_id = _whose(event)
        if not trader_id:
            return None
        known = (await self._parts.book.known([trader_id])).get(trader_id)
        if known is None:
            return None
        return Heard(deals=await self._deals(event, known.login), logins=frozenset({known.login}))

    async def _deals(self, event: pb.ExecutionEvent, login: int) -> tuple[Deal, ...]:
        server = self._config.server
        if event.HasField("balance_change") and not ledger.is_trade(event.balance_change):
            return (ledger.deal_of(event.balance_change, login, server, self._config.correction_source),)
        if event.HasField("bonus_change"):
            return (ledger.deal_of_bonus(event.bonus_change, login, server),)
        deal = event.deal
        if event.type not in FILLS or deal.status not in records.FILLED or not deal.filled_volume:
            return ()
        contents = await self._parts.catalogue.knowing(symbols=[deal.symbol_id])
        one = contents.instrument(deal.symbol_id)
        return (records.deal_from(deal, one, login, server, is_stop_out=event.order.is_stop_out),)


def _whose(event: pb.ExecutionEvent) -> int:
    """The trader an event is about, from whichever part of it there is; 0 when none says."""
    parts: list[Any] = [event.deal, event.balance_change, event.bonus_change, event.position.trade, event.order.trade]
    return next((part.trader_id for part in parts if part.trader_id), 0)
