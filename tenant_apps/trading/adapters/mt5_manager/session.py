"""One connection: many requests at a time, events between the answers, and heartbeats."""

import asyncio
import itertools
import logging
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from tenant_apps.trading.adapters.sockets import Lost, open_tls
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection

from . import frames
from .handshake import Opening, Refused, shake_hands
from .values import Malformed, Record

log = logging.getLogger(__name__)


class Session:
    """Belongs to one event loop. After Lost (but not after a time-out) it is of no more use."""

    def __init__(self, opening: Opening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._opening = opening
        self._config = opening.config
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._pings = itertools.count(1)
        self._awaited: dict[int, asyncio.Future[Record]] = {}
        self._ponged = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_at = self._sent_at = time.monotonic()
        self._heartbeat = opening.config.heartbeat_seconds
        self._reason = "closed by us"
        self.lost = asyncio.Event()

    @classmethod
    async def open(cls, opening: Opening) -> Self:
        """Connect and shake hands. Raises PlatformUnavailable, PlatformRejected (credentials, a server that is another)."""
        config = opening.config
        try:
            async with asyncio.timeout(config.connect_seconds):
                reader, writer = await open_tls(
                    config.host, config.port, connector=opening.connector, context=opening.context
                )
        except TimeoutError as error:
            raise PlatformUnavailable("no connection in time", server=config.server) from error
        except ssl.SSLCertVerificationError as error:
            raise PlatformRejected(str(error), name=Rejection.SERVER_IDENTITY, server=config.server) from error
        except OSError as error:
            raise PlatformUnavailable(f"no connection: {error}", server=config.server) from error
        session = cls(opening, reader, writer)
        try:
            wanted = await shake_hands(opening, reader, writer)
        except BaseException:
            session.drop()
            raise
        # Whoever speaks less often than the service wants to hear is cut off.
        session._heartbeat = min(config.heartbeat_seconds, wanted)
        session._begin()
        return session

    @property
    def is_usable(self) -> bool:
        return not (self.lost.is_set() or self._reader.at_eof() or self._writer.transport.is_closing())

    @property
    def silent_for(self) -> float:
        """Seconds since anything came from the service."""
        return time.monotonic() - self._heard_at

    # --- requests

    async def request(self, call: str, args: Mapping[str, Any], *, operation: str | None = None) -> Record:
        """Send one request and wait for its result. Raises Lost, Refused."""
        number = next(self._ids)
        message: dict[str, Any] = {"type": "request", "id": number, "call": call, "args": args}
        if operation is not None:
            message["operation"] = operation
        if not self.is_usable:
            raise Lost(self._reason, sent=False)
        answer: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._awaited[number] = answer
        try:
            async with asyncio.timeout(self._config.call_seconds):
                await self._send(message)
                return self._result(await answer)
        except TimeoutError:
            raise Lost(f"no answer within {self._config.call_seconds:g} s", sent=True, timed_out=True) from None
        except OSError as error:
            self._end(f"{type(error).__name__}: {error}")
            raise Lost(self._reason, sent=True) from error
        finally:
            del self._awaited[number]
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen: sending may have failed first

    def _result(self, answer: Record) -> Record:
        try:
            if "error" in answer.raw:
                raise Refused(answer.record("error"))
            return answer.record("result")
        except Malformed as error:
            raise Lost(str(error), sent=True) from error

    async def _send(self, message: Mapping[str, Any]) -> None:
        packet = frames.pack(message)
        self._sent_at = time.monotonic()
        self._writer.write(packet)
        await self._writer.drain()

    async def probe(self) -> None:
        """See whether the service is still there. Raises Lost, in which nothing counts as sent."""
        self._ponged.clear()
        try:
            async with asyncio.timeout(self._config.call_seconds):
                await self._ping()
                await self._ponged.wait()
        except (OSError, TimeoutError) as error:
            self._end(f"no sign of life: {error}")
        if self.lost.is_set():
            raise Lost(self._reason, sent=False)

    # --- what comes in

    def _begin(self) -> None:
        for what, work in (("receive", self._receive()), ("heartbeat", self._keep_alive())):
            self._tasks.append(asyncio.create_task(work, name=f"{what} {self._config.server}"))

    async def _receive(self) -> None:
        try:
            while True:
                message = await frames.read_frame(self._reader, frames.RECEIVE_BYTES)
                self._heard_at = time.monotonic()
                await self._take(message)
        except (OSError, EOFError, Malformed) as error:
            self._end(f"{type(error).__name__}: {error}")

    async def _take(self, message: Record) -> None:
        match message.text("type"):
            case "answer":
                self._answer(message)
            case "event" | "stream":
                self._opening.hear(message)
            case "ping":
                await self._send({"type": "pong", "n": message.integer("n")})
            case "pong":
                self._ponged.set()
            case "bye":
                self._end(f"the service says: {message.raw.get('reason')}")

    def _answer(self, message: Record) -> None:
        answer = self._awaited.get(message.integer("id"))
        if answer is None:
            log.info("%s: an answer nobody waits for", self._config.server)
        elif not answer.done():
            answer.set_result(message)

    # --- staying alive

    async def _ping(self) -> None:
        await self._send({"type": "ping", "n": next(self._pings)})

    async def _keep_alive(self) -> None:
        while self.is_usable:
            await asyncio.sleep(max(self._sent_at + self._heartbeat - time.monotonic(), 0.01))
            if self.silent_for > self._config.silence_seconds:
                self._end(f"silent for {self.silent_for:.0f} s")
            elif time.monotonic() - self._sent_at >= self._heartbeat:
                try:
                    async with asyncio.timeout(self._config.call_seconds):
                        await self._ping()
                except (OSError, TimeoutError) as error:
                    self._end(f"ping: {error}")

    # --- the end

    def _end(self, reason: str) -> None:
        if self.lost.is_set():
            return
        self._reason = reason
        self.lost.set()
        self._ponged.set()
        self._writer.transport.abort()
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(ConnectionError(reason))

    def drop(self) -> None:
        """Let the connection go at once; whoever waits for an answer gets Lost."""
        self._end("closed by us")
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Say goodbye, but do not wait long for a service that has no manners. Never raises."""
        if self.is_usable:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._send({"type": "bye", "reason": "closing"})
                    self._writer.close()
                    await self._writer.wait_closed()
        self.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
