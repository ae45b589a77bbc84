"""The text protocol over TCP, for access servers without HTTPS."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tenant_apps.trading.adapters.mt5 import crypt, text
from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.packets import (
    LAST_CLIENT_SERIAL,
    PREFIX,
    Packet,
    Unpacker,
    packets_of,
)
from tenant_apps.trading.adapters.mt5.transport import Insecure
from tenant_apps.trading.adapters.mt5.values import Malformed
from tenant_apps.trading.adapters.sockets import Connector, Lost

AUTH_ANSWER = "/api/auth/answer"
ALIVE = "/api/time/server"
QUIT = "/api/quit"


@dataclass(slots=True)
class _Awaited:
    """The answer under way. Its message is complete when `done` has it."""

    serial: int
    done: asyncio.Future[bytes]
    message: bytearray = field(default_factory=bytearray)


class RawLine(asyncio.Protocol):
    """`transport.Line` over plain TCP, encrypted after the log-in unless told otherwise.

    It reads by itself, not only while a call waits: so a connection that was closed behind the server's pings is
    known to be dead before a change is handed to it.
    """

    def __init__(self, *, encrypt: bool, limit: int) -> None:
        self._encrypt = encrypt
        self._limit = limit
        self._serial = 0
        self._prefix = PREFIX
        self._unpacker = Unpacker()
        self._sending: crypt.Keystream | None = None
        self._receiving: crypt.Keystream | None = None
        self._held = self._held_after = False
        self._awaited: _Awaited | None = None
        self._reason = ""
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, host: str, port: int, *, connector: Connector, encrypt: bool, limit: int) -> "RawLine":
        """Raises OSError."""
        raw = await connector(host, port)
        try:
            _, line = await asyncio.get_running_loop().create_connection(
                lambda: cls(encrypt=encrypt, limit=limit), sock=raw
            )
        except BaseException:
            raw.close()
            raise
        return line

    # --- what the session asks for

    @property
    def is_usable(self) -> bool:
        return self._transport is not None and not (self._reason or self._transport.is_closing())

    @property
    def greeting(self) -> Mapping[str, str]:
        return {"type": "MANAGER", "crypt_method": "AES256OFB" if self._encrypt else "NONE"}

    async def call(self, call: Call, *, seconds: float) -> Answer:
        if not self.is_usable or self._transport is None:
            self.abort()
            raise Lost(self._reason or "the connection was closed", sent=False)
        try:
            message = text.encode(call)
        except UnicodeEncodeError as error:
            self.abort()
            raise Lost(f"a request that UTF-16 does not allow: {error.reason}", sent=False) from error
        self._serial = self._serial % LAST_CLIENT_SERIAL + 1
        awaited = self._awaited = _Awaited(self._serial, asyncio.get_running_loop().create_future())
        # The answer to the log-in is clear, and so is what came before it; only `secure` knows how to read on.
        self._held_after = self._encrypt and call.path == AUTH_ANSWER
        try:
            async with asyncio.timeout(seconds):
                # From here on the bytes may leave at any moment, whatever happens to us.
                self._transport.write(self._wrap(message))
                body = await awaited.done
            return text.decode(body, text.name_of(call.path))
        except TimeoutError:
            self.abort()
            raise Lost(f"no answer within {seconds:g} s", sent=True, timed_out=True) from None
        except Malformed as error:
            self.abort()
            raise Lost(str(error), sent=True) from error
        except BaseException:
            # A cancelled call leaves an answer on its way that the next call would take for its own.
            self.abort()
            raise
        finally:
            self._awaited = None

    def _wrap(self, message: bytes) -> bytes:
        wire, self._prefix = bytearray(self._prefix), b""
        for packet in packets_of(self._serial, message):
            if self._sending is not None:
                packet = Packet(packet.serial, packet.more, self._sending.apply(packet.body))
            wire += packet.encode()
        return bytes(wire)

    def secure(self, hashed: bytes, answer: Answer) -> None:
        if not self._encrypt:
            return
        try:
            self._sending, self._receiving = crypt.keystreams(hashed, bytes.fromhex(answer.record.text("crypt_rand")))
        except ValueError as error:
            raise Insecure(f"the server did not agree to encryption: {error}") from error
        self._held = False
        self._absorb()

    async def ping(self, *, seconds: float) -> None:
        """Ask for the time: the protocol's own ping is never answered, so it proves nothing."""
        await self.call(Call(ALIVE), seconds=seconds)

    async def quit(self, *, seconds: float) -> None:
        await self.call(Call(QUIT), seconds=seconds)

    def abort(self) -> None:
        self._reason = self._reason or "the connection was closed"
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        self._reason = self._reason or "the connection was closed"
        if self._transport is not None:
            self._transport.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.shield(self._gone)

    # --- what the socket says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unpacker.feed(data)
        self._absorb()

    def eof_received(self) -> None:
        self._lose("closed by the server")

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(f"{type(error).__name__}: {error}" if error else "closed by the server")
        if not self._gone.done():
            self._gone.set_result(None)

    def _absorb(self) -> None:
        try:
            while not (self._held or self._reason) and (packet := self._unpacker.next()) is not None:
                self._take(packet)
        except Malformed as error:
            self._lose(str(error))

    def _take(self, packet: Packet) -> None:
        # Pings too cost keystream where they have a body.
        body = packet.body if self._receiving is None else self._receiving.apply(packet.body)
        awaited = self._awaited
        if awaited is not None and (awaited.serial != packet.serial or awaited.done.done()):
            awaited = None
        is_ping = not (body or packet.more or (awaited and awaited.message))
        if is_ping or packet.serial > LAST_CLIENT_SERIAL:
            return  # the latter is news of the servers that we did not ask for
        if awaited is None:
            raise Malformed(f"a packet of serial {packet.serial} that nothing asked for")
        awaited.message += body
        if len(awaited.message) > self._limit:
            raise Malformed(f"an answer over {self._limit} bytes")
        if not packet.more:
            self._held = self._held_after
            awaited.done.set_result(bytes(awaited.message))

    def _lose(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._awaited is not None and not self._awaited.done.done():
            self._awaited.done.set_exception(Lost(self._reason, sent=True))
        if self._transport is not None:
            self._transport.abort()
