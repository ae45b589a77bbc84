"""A service that says exactly what a test tells it to: for failures no well-behaved service shows."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections import defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tenant_apps.trading.adapters.mt5.tests.scripted import certificate
from tenant_apps.trading.adapters.mt5_manager.config import Mt5ManagerConfig
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation

HOST, MANAGER = "scripted.localhost", 1000
SECRET = "the secret of a service that follows a script"
NONCE, TIME = "5a" * 32, "2026-03-02T09:00:00.000Z"
DEPOSIT = BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal("500.25")), "op-1", "Klarna")
RIGHTS = dict.fromkeys(
    ("can_log_in", "can_trade", "can_change_password", "can_use_experts", "can_trail_stops", "gets_reports"), True
)
ACCOUNT = {
    "login": 5001,
    "group": "real\\std-usd",
    "currency": "USD",
    "digits": 2,
    "name": "Ada Lovelace",
    "leverage": 100,
    "rights": RIGHTS,
    "external_id": "acc-1",
    "company": "",
    "country": "Norway",
    "city": "",
    "state": "",
    "zip_code": "",
    "address": "",
    "phone": "",
    "email": "ada@example.test",
    "comment": "",
    "agent": 0,
    "balance": "0.00",
    "credit": "0.00",
    "registered_at": TIME,
    "last_access_at": None,
}
DEAL = {
    "deal": 71,
    "login": 5001,
    "order": 0,
    "position": 0,
    "external_id": "",
    "kind": "balance",
    "entry": None,
    "reason": "dealer",
    "symbol": "",
    "lots": "0",
    "closed_lots": "0",
    "price": "0",
    "position_price": "0",
    "bid": None,
    "ask": None,
    "gateway_price": None,
    "contract_size": "0",
    "profit": "500.25",
    "swap": "0.00",
    "commission": "0.00",
    "fee": "0.00",
    "profit_rate": "0",
    "margin_rate": "0",
    "digits": 2,
    "executed_at": "2026-03-02T09:00:01.500Z",
    "comment": "op-1 Klarna",
}


@dataclass(frozen=True)
class Reply:
    """What to answer. `more` goes into the answer, beside id and type; `after` follows it."""

    result: object = None
    error: str = ""
    raw: bytes | None = None
    drop: bool = False
    gate: asyncio.Event | None = None
    after: tuple[dict[str, Any], ...] = ()

    def message(self, number: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"type": "answer", "id": number}
        if self.error:
            error = {"name": self.error, "text": "as told", "native": None, "retry_after_seconds": None}
            return {**answer, "error": error}
        return {**answer, "result": {} if self.result is None else self.result}


DROP, SILENCE = Reply(drop=True), Reply(raw=b"")


def frame(message: dict[str, Any]) -> bytes:
    return raw_frame(json.dumps(message).encode())


def raw_frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def stream(epoch: str, number: int, *, resumed: bool = False) -> dict[str, Any]:
    return {"type": "stream", "epoch": epoch, "next": number, "resumed": resumed}


def told(number: int, deal: int) -> dict[str, Any]:
    return {"type": "event", "seq": number, "event": "deal", "deal": {**DEAL, "deal": deal}}


@dataclass
class ScriptedService:
    """`script` is used up call by call, `always` is not; what is in neither is answered with nothing in it."""

    folder: Path
    hello: dict[str, Any] = field(
        default_factory=lambda: {
            "type": "hello",
            "contract": "rialto-mt5-manager",
            "versions": [1],
            "nonce": NONCE,
            "time": TIME,
        }
    )
    welcome: dict[str, Any] = field(default_factory=dict)
    script: dict[str, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Reply] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def __aenter__(self) -> Self:
        cert, key = certificate(self.folder, HOST)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self._fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(Path(cert).read_text())).hexdigest()
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.drop_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def config(self, **settings: Any) -> Mt5ManagerConfig:
        values: dict[str, Any] = {
            "server": "scripted",
            "host": HOST,
            "port": self.port,
            "manager": MANAGER,
            "password": SECRET,
            "ca_file": str(self.folder / "ca.pem"),
            "login_pause_seconds": 0.0,
            "backoff_first": 0.01,
        }
        return Mt5ManagerConfig(**{**values, **settings})

    def calls(self) -> list[str]:
        return [one["call"] for one in self.seen if one["type"] == "request"]

    def drop_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def push(self, *messages: dict[str, Any]) -> None:
        self._writers[-1].write(b"".join(map(frame, messages)))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            writer.write(frame(self.hello))
            login = await self._read(reader)
            proofs = {"type": "welcome", "heartbeat_seconds": 15, "proof": self._proof(login)}
            writer.write(frame({**proofs, **self.welcome}))
            while True:
                message = await self._read(reader)
                self.seen.append(message)
                if message["type"] == "request":
                    self._tasks.add(asyncio.ensure_future(self._answer(message, writer)))
        except (OSError, EOFError):
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        size = int.from_bytes(await reader.readexactly(4), "big")
        found: dict[str, Any] = json.loads(await reader.readexactly(size))
        return found

    def _proof(self, login: dict[str, Any]) -> str:
        said = (NONCE, self.hello["time"], login["nonce"], login["time"])
        lines = ("rialto-mt5-manager", "1", "service", str(login["manager"]), self._fingerprint, *said)
        return hmac.new(SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()

    async def _answer(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        call = message["call"]
        reply = self.script[call].popleft() if self.script[call] else self.always.get(call, Reply())
        if reply.gate is not None:
            await reply.gate.wait()
        if reply.drop:
            writer.transport.abort()
            return
        writer.write(frame(reply.message(message["id"])) if reply.raw is None else reply.raw)
        writer.write(b"".join(map(frame, reply.after)))
