"""What the service tells by itself: kept in order for one listener, in bounds, with a gap wherever something may be missing."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from tenant_apps.trading.errors import PlatformError, PlatformRejected, PlatformUnavailable
from tenant_apps.trading.ports import Heard

from . import records
from .config import Mt5ManagerConfig
from .link import Link
from .values import Malformed, Record

GAP = Heard(gap=True)


class Ear:
    """What was heard until it is taken, and how far the stream was followed."""

    def __init__(self, config: Mt5ManagerConfig) -> None:
        self._server = config.server
        self._limit = config.listen_limit
        self._items: deque[Heard] = deque()
        self._filled = asyncio.Event()
        self._failure: PlatformError | None = None
        self.epoch: str | None = None
        self.next = 0

    @property
    def since(self) -> int | None:
        """The last event heard; None before any stream."""
        return None if self.epoch is None else self.next - 1

    def hear(self, message: Record) -> None:
        """What cannot be understood is a gap: reading again tells the same."""
        try:
            if message.text("type") == "stream":
                self._stream(message.text("epoch"), message.integer("next"), message.flag("resumed"))
            else:
                self._event(message.integer("seq"), message)
        except Malformed:
            self._gap()

    def _stream(self, epoch: str, number: int, resumed: bool) -> None:
        if not (resumed and (epoch, number) == (self.epoch, self.next)):
            self._gap()
        self.epoch, self.next = epoch, number

    def _event(self, number: int, message: Record) -> None:
        if self.epoch is None or number < self.next:
            return
        if number > self.next:
            self._gap()
        self.next = number + 1
        heard = records.heard_from(message, self._server)
        if len(self._items) >= self._limit:
            self._gap()
        self._put(heard)

    def _gap(self) -> None:
        self._items.clear()
        self._put(GAP)

    def _put(self, heard: Heard) -> None:
        self._items.append(heard)
        self._filled.set()

    def fail(self, error: PlatformError) -> None:
        self._failure = error
        self._filled.set()

    async def take(self) -> Heard:
        """Raises what `fail` was given, once everything before it is taken."""
        while not self._items:
            if self._failure is not None:
                raise self._failure
            self._filled.clear()
            await self._filled.wait()
        return self._items.popleft()


class Listening:
    def __init__(self, config: Mt5ManagerConfig, link: Link) -> None:
        self._config = config
        self._link = link

    async def listen(self) -> AsyncIterator[Heard]:
        if self._link.hear is not None:
            raise ValueError("somebody listens already")
        ear = Ear(self._config)
        self._link.hear = ear.hear
        keeper = asyncio.create_task(self._keep_subscribed(ear), name=f"listen {self._config.server}")
        try:
            while True:
                yield await ear.take()
        finally:
            self._link.hear = None
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep_subscribed(self, ear: Ear) -> None:
        pause = self._config.backoff_first
        while True:
            try:
                session = await self._link.subscribe(ear.epoch, ear.since)
            except PlatformRejected as error:
                ear.fail(error)
                return
            except PlatformUnavailable as error:
                if self._link.is_closed:
                    ear.fail(error)
                    return
                # Not all at the same moment, when a service that many were connected to comes back.
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
                pause = min(pause * 2, self._config.backoff_most)
            else:
                pause = self._config.backoff_first
                await session.lost.wait()
