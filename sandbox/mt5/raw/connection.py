"""One client over TCP: its packets, its encryption, the pings between answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from dataclasses import dataclass
from typing import Any

from sandbox.exchange.retcodes import Refused, Retcode, retcode_text
from sandbox.mt5.accounts import Fields
from sandbox.mt5.http import READ_SIZE, Abort, Silence
from sandbox.mt5.raw import packets, text
from sandbox.mt5.raw.keystream import Keystream, directions
from sandbox.mt5.raw.names import COMMANDS, Shape
from sandbox.mt5.server import TradingServer
from sandbox.mt5.session import LogInRefused, Session, Windows, under_faults
from sandbox.mt5.wire import stringify

MESSAGE_LIMIT = 4 << 20
CRYPT_METHODS = {"NONE", "AES256OFB"}
PINGS = (b"", "|\r\n".encode("utf-16-le"))


@dataclass(frozen=True, slots=True)
class RawSettings:
    """`ping` is the seconds between the server's own pings, `packet` the most bytes it puts in one body."""

    ping: float = 20.0
    packet: int = 0xFFFE


class RawConnection:
    """Serves one connection to one trading server."""

    def __init__(
        self,
        server: TradingServer,
        windows: Windows,
        settings: RawSettings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._session = Session(windows)
        self._encrypts = False
        self._receiving: Keystream | None = None
        self._sending: Keystream | None = None

    async def run(self) -> None:
        """Serve until either side ends it."""
        pinging = asyncio.create_task(self._ping())
        try:
            greeting = await asyncio.wait_for(self._reader.readexactly(len(packets.GREETING)), self._session.deadline)
            if greeting != packets.GREETING:
                raise packets.Garbage(f"greeting {greeting!r}")
            while await self._serve_one():
                continue
        except Silence:
            pinging.cancel()
            while await self._reader.read(READ_SIZE):
                continue
        except (Abort, TimeoutError, ConnectionError, packets.Garbage):
            self._writer.transport.abort()
        except asyncio.IncompleteReadError:
            pass
        finally:
            pinging.cancel()
            self._writer.close()

    # -- in --------------------------------------------------------------------------------------------------

    async def _serve_one(self) -> bool:
        serial, message = await self._next_message()
        line = text.read_line(message)
        path, _ = COMMANDS.get(line.name, ("", Shape.JSON))
        answer, stays = await under_faults(self._server, path, lambda: self._answer(line, path))
        await self._send(serial, answer)
        if path == "/api/auth/answer" and stays:
            self._encrypt()
        return stays

    async def _next_message(self) -> tuple[int, bytes]:
        """The next command, joined, with its serial; pings are swallowed."""
        message = bytearray()
        serial: int | None = None
        # A ping ends the client's silence, but does not put off an answer to the challenge.
        allowed = self._session.deadline
        until = asyncio.get_running_loop().time() + allowed
        while True:
            if self._session.manager is not None:
                until = asyncio.get_running_loop().time() + allowed
            async with asyncio.timeout_at(until):
                packet = await packets.read_packet(self._reader)
            body = packet.body if self._receiving is None else self._receiving.cross(packet.body)
            if packet.serial != serial and not packet.extended and body in PINGS:
                continue
            if serial not in (None, packet.serial):
                raise packets.Garbage(f"serial {packet.serial} within {serial}")
            serial = packet.serial
            message += body
            if len(message) > MESSAGE_LIMIT:
                raise packets.Garbage("message too large")
            if not packet.extended:
                return serial, bytes(message)

    # -- deciding --------------------------------------------------------------------------------------------

    def _answer(self, line: text.Line, path: str) -> tuple[bytes, bool]:
        """What to send, and whether the connection goes on."""
        try:
            return self._done(line, path), path != "/api/quit"
        except LogInRefused as failure:
            return text.write_line(line.name, {"retcode": retcode_text(failure.code)}), False
        except Refused as refusal:
            return text.write_line(line.name, {"retcode": refusal.text}), True

    def _done(self, line: text.Line, path: str) -> bytes:
        done = {"retcode": retcode_text(Retcode.DONE)}
        if path == "/api/auth/start":
            return text.write_line(line.name, done | self._start(line))
        if path == "/api/auth/answer":
            return text.write_line(line.name, done | self._prove(line))
        if not path:
            raise Refused(Retcode.INVALID_PARAMETERS, f"command {line.name}")
        below = line.below.encode()
        result: dict[str, Any] = stringify(self._session.command(self._server, path, line.parameters, below, line.json))
        answer = result.pop("answer", None)
        if COMMANDS[line.name][1] is Shape.FLAT and isinstance(answer, dict):
            return text.write_line(line.name, done | answer)
        return text.write_line(line.name, done | result, answer)

    def _start(self, line: text.Line) -> dict[str, Any]:
        method = line.parameters.get("CRYPT_METHOD", "NONE").upper()
        if method not in CRYPT_METHODS:
            raise Refused(Retcode.INVALID_PARAMETERS, "CRYPT_METHOD")
        self._encrypts = method != "NONE"
        return self._session.start(self._server, Fields(line.parameters))

    def _prove(self, line: text.Line) -> dict[str, Any]:
        proven = self._session.prove(self._server, Fields(line.parameters))
        if not self._encrypts:
            return proven
        self._crypt_rand = os.urandom(256)
        return proven | {"crypt_rand": self._crypt_rand.hex()}

    def _encrypt(self) -> None:
        """Both packets of the log-in are clear; everything after them is not."""
        manager = self._session.manager
        if self._encrypts and manager is not None:
            self._receiving, self._sending = directions(bytes.fromhex(manager.secret), self._crypt_rand)

    # -- out -------------------------------------------------------------------------------------------------

    async def _send(self, serial: int, message: bytes) -> None:
        bodies = packets.pieces(message, self._settings.packet)
        for number, body in enumerate(bodies):
            self._write(serial, body, extended=number < len(bodies) - 1)
            await self._writer.drain()
            if len(bodies) > 1:
                await asyncio.sleep(0)  # a ping that is due goes between the packets of an answer

    def _write(self, serial: int, body: bytes, *, extended: bool = False) -> None:
        crossed = body if self._sending is None else self._sending.cross(body)
        self._writer.write(packets.header_of(serial, len(body), extended=extended) + crossed)

    async def _ping(self) -> None:
        with contextlib.suppress(ConnectionError):
            for serial in itertools.cycle(packets.ACCESS_SERIALS):
                await asyncio.sleep(self._settings.ping)
                self._write(serial, b"")
                await self._writer.drain()
