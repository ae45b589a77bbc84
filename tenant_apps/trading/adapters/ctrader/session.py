"""A logged-in connection to the Manager's API: many requests at a time, events in between.

Answers repeat the id of their request. What has the number of an event is an event, whatever id it carries: the server
tells of a deposit with the id of the request that caused it, too.
"""

import asyncio
import itertools
import logging
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from google.protobuf.message import Message

from tenant_apps.trading.adapters.sockets import Connector, Lost, open_tls
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection

from . import codes, wire
from . import manager_pb2 as pb
from .config import CTraderConfig
from .values import Malformed, password_hash
from .wire import Incoming, Kind

log = logging.getLogger(__name__)

Hear = Callable[[Incoming], None]


class Refused(Exception):
    """The server answered a request with an error."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code} {text}".strip())
        self.code = code
        self.text = text


class Session:
    """Belongs to one event loop. After Lost (but not after a time-out) it is of no more use.

    `hear` gets every event as it comes, and must neither wait nor raise.
    """

    def __init__(
        self, config: CTraderConfig, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hear: Hear
    ) -> None:
        self._config = config
        self._reader = reader
        self._writer = writer
        self._hear = hear
        self._ids = itertools.count(1)
        self._awaited: dict[str, tuple[Kind, asyncio.Future[Incoming]]] = {}
        self._greeted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_at = self._sent_at = time.monotonic()
        self.lost = asyncio.Event()
        self._reason = "closed by us"

    @classmethod
    async def open(cls, config: CTraderConfig, *, connector: Connector, context: ssl.SSLContext, hear: Hear) -> Self:
        """Connect and log in. Raises PlatformUnavailable, PlatformRejected (credentials, a foreign certificate)."""
        try:
            async with asyncio.timeout(config.connect_seconds):
                reader, writer = await open_tls(config.host, config.port, connector=connector, context=context)
        except TimeoutError as error:
            raise PlatformUnavailable("no connection in time", server=config.server) from error
        except ssl.SSLCertVerificationError as error:
            # Nothing but its certificate tells this server from another: it never proves to know the password.
            raise PlatformRejected(str(error), name=Rejection.SERVER_IDENTITY, server=config.server) from error
        except OSError as error:
            raise PlatformUnavailable(f"no connection: {error}", server=config.server) from error
        session = cls(config, reader, writer, hear)
        session._tasks.append(asyncio.create_task(session._receive(), name=f"receive {config.server}"))
        try:
            await session._log_in()
        except BaseException:
            session.drop()
            raise
        session._tasks.append(asyncio.create_task(session._keep_alive(), name=f"heartbeat {config.server}"))
        return session

    @property
    def is_usable(self) -> bool:
        return not (self.lost.is_set() or self._reader.at_eof() or self._writer.transport.is_closing())

    async def request(self, kind: Kind, message: Message | None = None) -> Any:
        """Send one request and wait for its answer, a message of what `kind` carries. Raises Lost, Refused."""
        client_id = str(next(self._ids))
        packet = wire.pack(kind.request, message or pb.Empty(), client_id)
        if not self.is_usable:
            raise Lost(self._reason, sent=False)
        answer: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._awaited[client_id] = (kind, answer)
        try:
            async with asyncio.timeout(self._config.call_seconds):
                await self._send(packet)
                incoming = await answer
        except TimeoutError:
            text = f"no answer within {self._config.call_seconds:g} s"
            raise Lost(text, sent=True, timed_out=True) from None
        except OSError as error:
            self._end(f"{type(error).__name__}: {error}")
            raise Lost(self._reason, sent=True) from error
        finally:
            del self._awaited[client_id]
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen: sending may have failed first
        return self._opened(kind, incoming)

    @property
    def silent_for(self) -> float:
        """Seconds since anything came from the server."""
        return time.monotonic() - self._heard_at

    async def probe(self) -> None:
        """See whether the server is still there. Raises Lost, in which nothing counts as sent."""
        try:
            await self.request(wire.PROBE, pb.Ping(timestamp=int(time.time() * 1000)))
        except Refused:
            return  # an answer all the same
        except Lost as lost:
            self._end(lost.reason)
            raise Lost(lost.reason, sent=False) from lost

    def _opened(self, kind: Kind, incoming: Incoming) -> Any:
        try:
            if incoming.number != kind.answer:
                failure = wire.read(pb.Failure, incoming.payload)
                raise Refused(failure.error_code, failure.description)
            return wire.read(kind.carries, incoming.payload)
        except Malformed as error:
            raise Lost(str(error), sent=True) from error

    async def _send(self, packet: bytes) -> None:
        self._sent_at = time.monotonic()
        self._writer.write(packet)
        await self._writer.drain()

    # --- log-in

    async def _log_in(self) -> None:
        config = self._config
        with suppress(TimeoutError):
            async with asyncio.timeout(config.hello_seconds):
                await self._greeted.wait()
        wish = pb.AuthReq(
            plant=config.plant,
            environment=config.environment,
            login=config.manager,
            password_hash=password_hash(config.password),
        )
        try:
            await self.request(wire.AUTH, wish)
        except Refused as refused:
            raise codes.error_of(refused.code, refused.text, server=config.server, log_in=True) from refused
        except Lost as lost:
            raise PlatformUnavailable(f"log-in: {lost.reason}", server=config.server) from lost

    # --- what comes in

    async def _receive(self) -> None:
        try:
            while True:
                incoming = await wire.read_frame(self._reader, self._config.max_answer_bytes)
                self._heard_at = time.monotonic()
                self._take(incoming)
        except (OSError, EOFError, Malformed) as error:
            self._end(f"{type(error).__name__}: {error}")

    def _take(self, incoming: Incoming) -> None:
        if incoming.number == wire.HELLO:
            self._greeted.set()
        elif incoming.number in wire.EVENTS:
            self._hear(incoming)
        elif incoming.number != wire.HEARTBEAT:
            self._answer(incoming)

    def _answer(self, incoming: Incoming) -> None:
        awaited = self._awaited.get(incoming.client_id)
        if awaited is None and not incoming.client_id:
            # Only before the log-in is there nobody else it could be meant for: an error taken for a change's answer
            # would say that nothing happened.
            awaited = next((one for one in self._awaited.values() if one[0] is wire.AUTH), None)
        if awaited is None:
            log.info("%s: an answer %s nobody waits for", self._config.server, incoming.number)
            return
        kind, answer = awaited
        if incoming.number in (kind.answer, wire.ERROR, wire.ORDER_ERROR) and not answer.done():
            answer.set_result(incoming)

    # --- staying alive

    async def _keep_alive(self) -> None:
        pause = self._config.heartbeat_seconds
        while self.is_usable:
            await asyncio.sleep(max(self._sent_at + pause - time.monotonic(), 0.01))
            silent = self.silent_for
            if silent > self._config.silence_seconds:
                self._end(f"silent for {silent:.0f} s")
            elif time.monotonic() - self._sent_at >= pause:
                await self._beat(probe=silent > pause)

    async def _beat(self, *, probe: bool) -> None:
        """A heartbeat, and a ping where nothing came for a while: whoever has died does not answer it."""
        packet = wire.pack(wire.HEARTBEAT, pb.Empty())
        if probe:
            packet += wire.pack(wire.PING, pb.Ping(timestamp=int(time.time() * 1000)))
        try:
            async with asyncio.timeout(self._config.call_seconds):
                await self._send(packet)
        except (OSError, TimeoutError) as error:
            self._end(f"heartbeat: {error}")

    # --- the end

    def _end(self, reason: str) -> None:
        if self.lost.is_set():
            return
        self._reason = reason
        self.lost.set()
        self._writer.transport.abort()
        for _, answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(ConnectionError(reason))

    def drop(self) -> None:
        """Let the connection go at once; whoever waits for an answer gets Lost."""
        self._end("closed by us")
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """The protocol has no log-out: the socket is closed. Never raises."""
        self.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
