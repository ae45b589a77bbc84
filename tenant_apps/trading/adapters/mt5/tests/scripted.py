"""A server that says exactly what a test tells it to: for failures no well-behaved server shows."""

import asyncio
import datetime
import hashlib
import json
import ssl
from collections import defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation

PASSWORD = "Password1"
HASH = bytes.fromhex("904ba8ecb16273d2f0ae9c3b8a023752")  # the vendor's published vector for this password
SERVER_RANDOM = "73007dc7184747ce0f7c98516ef1c851"
CLIENT_PROOF = "77fe51827f7fa69dd80fbec9aa33f1bb"  # the vendor's vector for the two above


USER = {
    "Login": "5001",
    "Group": "real\\std-usd",
    "Name": "Ada Lovelace",
    "Rights": "483",
    "Leverage": "100",
    "Email": "ada@example.test",
    "Phone": "",
    "Balance": "0.00",
    "LastAccess": "0",
}
GROUP = {"Group": "real\\std-usd", "Currency": "USD", "CurrencyDigits": "2"}
DEPOSIT = BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal("500.00")), "op-1", "Klarna")


@dataclass(frozen=True)
class Seen:
    connection: int
    method: str
    path: str
    params: dict[str, str]
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    payload: object = None
    status: int = 200
    raw: bytes | None = None
    headers: tuple[str, ...] = ()
    gate: asyncio.Event | None = None
    """Answer only when this is set."""

    def encode(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = json.dumps(self.payload).encode()
        lines = (f"HTTP/1.1 {self.status} X", f"Content-Length: {len(body)}", *self.headers)
        return "\r\n".join((*lines, "", "")).encode() + body


DROP = Reply(raw=b"")


def done(answer: object = None, **top: object) -> Reply:
    return Reply({"retcode": "0 Done", **({} if answer is None else {"answer": answer}), **top})


def code(retcode: str) -> Reply:
    return Reply({"retcode": retcode})


@dataclass
class ScriptedServer:
    """`script[path]` holds the next replies for a path; an empty one falls back to `always[path]`."""

    directory: Path
    offset: datetime.timedelta = datetime.timedelta(hours=3)
    script: dict[str, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Reply] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def paths(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    async def wait_for(self, path: str, count: int = 1) -> None:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.paths(path)) >= count)

    async def __aenter__(self) -> Self:
        self._writers: set[asyncio.StreamWriter] = set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(self.directory, "scripted.mt5.localhost"))
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.drop_all()
        await self._server.wait_closed()

    def drop_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def config(self, **changes: Any) -> Mt5Config:
        settings: dict[str, Any] = {
            "server": "scripted",
            "host": "scripted.mt5.localhost",
            "port": self.port,
            "manager": 1000,
            "password": PASSWORD,
            "ca_file": str(self.directory / "ca.pem"),
            "sessions": 1,
            "call_seconds": 5.0,
            "login_pause_seconds": 0.0,
        }
        return Mt5Config(**{**settings, **changes})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        self._writers.add(writer)
        try:
            while True:
                request = await self._request(reader, connection)
                async with self.arrived:
                    self.seen.append(request)
                    self.arrived.notify_all()
                reply = self._reply(request)
                if reply.gate is not None:
                    await reply.gate.wait()
                packet = reply.encode()
                if not packet:
                    return
                writer.write(packet)
                await writer.drain()
        except (OSError, EOFError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, connection: int) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        return Seen(connection, method, parts.path, dict(parse_qsl(parts.query)), body, headers)

    def _reply(self, request: Seen) -> Reply:
        if self.script[request.path]:
            return self.script[request.path].popleft()
        if request.path in self.always:
            return self.always[request.path]
        if request.path == "/api/auth/start":
            return Reply({"retcode": "0 Done", "version_access": "1290", "srv_rand": SERVER_RANDOM})
        if request.path == "/api/auth/answer":
            if request.params["srv_rand_answer"] != CLIENT_PROOF:
                return Reply({}, status=403)
            own = hashlib.md5(HASH + bytes.fromhex(request.params["cli_rand"])).hexdigest()
            return Reply({"retcode": "0 Done", "version_trade": "3661", "cli_rand_answer": own})
        if request.path == "/api/time/server":
            seconds = int((datetime.datetime.now(datetime.UTC) + self.offset).timestamp())
            return done(Time=f"{seconds} as text")
        if request.path in ("/api/test/access", "/api/quit"):
            return done()
        return code("13 Not found")


def certificate(directory: Path, name: str) -> tuple[str, str]:
    """(certificate, key) files for `name`, with ca.pem beside them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    (directory / "ca.pem").write_bytes(pem)
    (directory / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(directory / "ca.pem"), str(directory / "server.key")
