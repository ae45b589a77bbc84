"""A server of the text protocol that says exactly what a test tells it to, byte for byte."""

import asyncio
import datetime
import hashlib
import re
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.crypt import Keystream, keystreams
from tenant_apps.trading.adapters.mt5.tests.scripted import CLIENT_PROOF, HASH, PASSWORD, SERVER_RANDOM

RANDOM = bytes(range(256))
PING = b"000040010"
USER = '{"Login":"5001","Group":"real\\\\std-usd","Name":"Ada Lovelace","Rights":"483","Leverage":"100"}'
GROUP = '[{"Group":"real\\\\std-usd","Currency":"USD","CurrencyDigits":"2"}]'

# The bytes to send, for the serial that was asked with; none at all closes the connection.
Reply = Callable[[int], bytes]


def packet(serial: int, body: bytes, flag: int = 0) -> bytes:
    return f"{len(body):04x}{serial:04X}{flag}".encode() + body


def said(message: str) -> Reply:
    return lambda serial: packet(serial, message.encode("utf-16-le"))


def drop(serial: int) -> bytes:
    return b""


@dataclass(frozen=True)
class Seen:
    connection: int
    serial: int
    name: str
    params: dict[str, str]
    below: str


@dataclass
class RawScriptedServer:
    """`script[NAME]` holds the next replies to a command; an empty one falls back to `always[NAME]`.

    It encrypts when it is asked to; a script's bytes are then encrypted packet by packet.
    """

    script: dict[str, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Reply] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    connections: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Replies to `held` commands wait for it."""
    held: set[str] = field(default_factory=set)
    after_log_in: bytes = b""
    """Packets that are sent, encrypted already, in one piece with the answer to the log-in."""

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.seen if one.name == name]

    async def wait_for(self, name: str, count: int = 1) -> None:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.named(name)) >= count)

    async def __aenter__(self) -> Self:
        self.writers: set[asyncio.StreamWriter] = set()
        self.always.setdefault("USER_GET", said(f"USER_GET|RETCODE=0 Done|\r\n{USER}"))
        self.always.setdefault("GROUP_GET", said(f"GROUP_GET|RETCODE=0 Done|\r\n{GROUP}"))
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def config(self, **changes: Any) -> Mt5Config:
        settings: dict[str, Any] = {
            "server": "scripted",
            "host": "127.0.0.1",
            "port": self.port,
            "manager": 1000,
            "password": PASSWORD,
            "transport": "raw",
            "sessions": 1,
            "call_seconds": 5.0,
            "login_pause_seconds": 0.0,
        }
        return Mt5Config(**{**settings, **changes})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection, crypt = self.connections, None
        self.writers.add(writer)
        try:
            assert await reader.readexactly(9) == b"MT5WEBAPI"
            while True:
                seen = await self._command(reader, connection, crypt)
                async with self.arrived:
                    self.seen.append(seen)
                    self.arrived.notify_all()
                if seen.name in self.held:
                    await self.gate.wait()
                wire = self._reply(seen)(seen.serial)
                if not wire:
                    return
                wire = wire if crypt is None else encrypted(wire, crypt[1])
                if seen.name == "AUTH_ANSWER" and self.named("AUTH_START")[-1].params["CRYPT_METHOD"] == "AES256OFB":
                    crypt = keystreams(HASH, RANDOM)
                    wire += encrypted(self.after_log_in, crypt[1])
                writer.write(wire)
                await writer.drain()
        except (OSError, EOFError):
            return
        finally:
            self.writers.discard(writer)
            writer.transport.abort()

    async def _command(
        self, reader: asyncio.StreamReader, connection: int, crypt: tuple[Keystream, Keystream] | None
    ) -> Seen:
        header = await reader.readexactly(9)
        body = await reader.readexactly(int(header[:4], 16))
        self.heard += header + body
        assert header[8:] == b"0"
        message = (body if crypt is None else crypt[0].apply(body)).decode("utf-16-le")
        line, _, below = message.partition("\r\n")
        name, *parts = line.split("|")
        params = dict(part.split("=", 1) for part in parts if part)
        return Seen(connection, int(header[4:8], 16), name, params, below)

    def _reply(self, seen: Seen) -> Reply:
        if self.script[seen.name]:
            return self.script[seen.name].popleft()
        if seen.name in self.always:
            return self.always[seen.name]
        if seen.name == "AUTH_START":
            return said(f"AUTH_START|RETCODE=0 Done|VERSION_ACCESS=3661|SRV_RAND={SERVER_RANDOM}|\r\n")
        if seen.name == "AUTH_ANSWER":
            return said(f"AUTH_ANSWER|{self.proof(seen)}|\r\n")
        if seen.name == "TIME_SERVER":
            seconds = int(datetime.datetime.now(datetime.UTC).timestamp()) + 3 * 3600
            return said(f"TIME_SERVER|RETCODE=0 Done|TIME={seconds} as text|\r\n")
        code = "0 Done" if seen.name == "QUIT" else "13 Not found"
        return said(f"{seen.name}|RETCODE={code}|\r\n")

    def proof(self, seen: Seen) -> str:
        """What a server that knows the password says to AUTH_ANSWER."""
        if seen.params["SRV_RAND_ANSWER"] != CLIENT_PROOF:
            return "RETCODE=1001 Invalid account"
        own = hashlib.md5(HASH + bytes.fromhex(seen.params["CLI_RAND"])).hexdigest()
        return f"RETCODE=0 Done|CLI_RAND_ANSWER={own}|CRYPT_RAND={RANDOM.hex()}"


def encrypted(wire: bytes, stream: Keystream) -> bytes:
    """Bytes with each whole packet's body encrypted; what is no packet stays as it is."""
    result, position = b"", 0
    while re.fullmatch(rb"[0-9A-Fa-f]{9}", header := wire[position : position + 9]):
        body = wire[position + 9 : position + 9 + int(header[:4], 16)]
        position += 9 + len(body)
        result += header + stream.apply(body)
    return result + wire[position:]
