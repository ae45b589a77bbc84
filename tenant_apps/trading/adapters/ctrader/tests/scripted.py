"""A cTrader environment that says exactly what a test tells it to: for failures no well-behaved server shows."""

import asyncio
import json
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from google.protobuf.message import Message

from tenant_apps.trading.adapters.ctrader import manager_pb2 as pb
from tenant_apps.trading.adapters.ctrader import wire
from tenant_apps.trading.adapters.ctrader.config import CTraderConfig
from tenant_apps.trading.adapters.mt5.tests.scripted import certificate
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation

HOST = "scripted.ctrader.localhost"
PASSWORD = "Password1"
HASH = "2ac9cb7dc02b3c0083eb70898e549b63"  # MD5 of it, by another program
TOKEN = "6f2f1f46-0000-4000-8000-000000000001"
LOGIN, TRADER = 3_000_001, 71
REGISTERED = 1_700_000_000_000

EUR, USD, JPY = 1, 2, 3
EURUSD, USDJPY = 11, 12
DEPOSIT = BalanceOperation(LOGIN, BalanceKind.BALANCE, Amount(Decimal("500.25")), "op-1", "Klarna")


def trader(**changes: Any) -> pb.Trader:
    fields: dict[str, Any] = {
        "trader_id": TRADER,
        "login": LOGIN,
        "group_id": 5,
        "balance": 100_000,
        "name": "Ada",
        "last_name": "Lovelace",
        "description": "acc-1 #77",
        "country_id": 826,
        "email": "ada@example.test",
        "access_rights": 0,
        "deposit_asset_id": USD,
        "leverage_in_cents": 10_000,
        "money_digits": 2,
        "registered_at": REGISTERED,
    }
    return pb.Trader(**{**fields, **changes})


def web_trader(**changes: Any) -> dict[str, Any]:
    fields = {
        "login": LOGIN,
        "moneyDigits": 2,
        "balance": 100_000,
        "bonus": 0,
        "nonWithdrawableBonus": 0,
        "equity": 100_000,
        "usedMargin": 0,
        "freeMargin": 100_000,
        "depositCurrency": "USD",
        "leverageInCents": 10_000,
        "registrationTimestamp": REGISTERED,
    }
    return {**fields, **changes}


@dataclass(frozen=True)
class Seen:
    """A request over the Manager's API."""

    connection: int
    number: int
    payload: bytes
    client_id: str


@dataclass(frozen=True)
class Asked:
    """A request to WebServices."""

    method: str
    path: str
    params: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """`number` None means the answer the request expects. `first` is pushed before it."""

    message: Message | None = None
    number: int | None = None
    client_id: str | None = None
    drop: bool = False
    raw: bytes | None = None
    gate: asyncio.Event | None = None
    first: tuple[tuple[int, Message, str], ...] = ()


@dataclass(frozen=True)
class WebReply:
    payload: object = None
    status: int = 200
    drop: bool = False
    raw: bytes | None = None


DROP = Reply(drop=True)
WEB_DROP = WebReply(drop=True)


def failure(code: str, text: str = "") -> Reply:
    return Reply(pb.Failure(error_code=code, description=text), number=wire.ERROR)


Maker = Callable[[Seen], Reply]
KINDS = {kind.request: kind for kind in vars(wire).values() if isinstance(kind, wire.Kind)}


@dataclass
class ScriptedServer:
    """`script[number]` and `web_script[(method, path)]` hold the next replies; empty ones fall back to `always`."""

    directory: Path
    greets: bool = True
    script: dict[int, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[int, Reply | Maker] = field(default_factory=dict)
    web_script: dict[tuple[str, str], deque[WebReply]] = field(default_factory=lambda: defaultdict(deque))
    web_always: dict[tuple[str, str], WebReply] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    authorised: int = 0

    def of(self, kind: wire.Kind) -> list[Seen]:
        return [one for one in self.seen if one.number == kind.request]

    def asked_for(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(true)

    async def __aenter__(self) -> Self:
        self._writers: dict[int, asyncio.StreamWriter] = {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(self.directory, HOST))
        self._context = context
        self._manager = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._web = await asyncio.start_server(self._serve_web, "127.0.0.1", 0, ssl=context)
        self.port = self._manager.sockets[0].getsockname()[1]
        self.web_port = self._web.sockets[0].getsockname()[1]
        self._world()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._manager.close()
        self._web.close()
        self.drop_all()
        await self._manager.wait_closed()
        await self._web.wait_closed()

    def _world(self) -> None:
        assets = [pb.Asset(asset_id=EUR, name="EUR", digits=2), pb.Asset(asset_id=USD, name="USD", digits=2)]
        assets.append(pb.Asset(asset_id=JPY, name="JPY", digits=0))
        symbols = [
            pb.Symbol(symbol_id=EURUSD, name="EURUSD", digits=5, lot_size=10_000_000, enabled=True, trading_mode=0),
            pb.Symbol(symbol_id=USDJPY, name="USDJPY", digits=3, lot_size=10_000_000, enabled=True, trading_mode=0),
        ]
        symbols[0].base_asset_id, symbols[0].quote_asset_id = EUR, USD
        symbols[1].base_asset_id, symbols[1].quote_asset_id = USD, JPY
        groups = [pb.Group(group_id=5, name="std-usd", enabled=True, stop_out=0.5)]
        self.always |= {
            wire.ASSETS.request: Reply(pb.AssetListRes(asset=assets)),
            wire.SYMBOLS.request: Reply(pb.SymbolListRes(symbol=symbols)),
            wire.GROUPS.request: Reply(pb.GroupListRes(group=groups)),
            wire.TRADERS.request: Reply(pb.TraderListRes(trader=[trader()], has_more=False)),
            wire.TRADERS_BY_ID.request: Reply(pb.TraderByIdRes(trader=[trader()])),
            wire.SERVER_TIME.request: lambda seen: Reply(pb.ServerTimeRes(time=int(time.time() * 1000))),
            wire.VERSION.request: Reply(pb.VersionRes(version="89.2")),
            wire.PROBE.request: lambda seen: Reply(wire.read(pb.Ping, seen.payload)),
            wire.AUTH.request: self._auth,
            wire.BALANCE_HISTORY.request: Reply(pb.BalanceHistoryRes()),
            wire.BONUS_HISTORY.request: Reply(pb.BonusHistoryRes()),
            wire.DEALS.request: Reply(pb.DealListRes()),
            wire.POSITIONS.request: Reply(pb.PositionListRes()),
            wire.SUBSCRIBE_SPOTS.request: Reply(pb.Empty()),
        }
        self.web_always |= {
            ("POST", "/v2/webserv/managers/token"): WebReply({"webservToken": TOKEN}),
            ("GET", f"/v2/webserv/traders/{LOGIN}"): WebReply(web_trader()),
        }

    def _auth(self, seen: Seen) -> Reply:
        wish = wire.read(pb.AuthReq, seen.payload)
        if wish.password_hash != HASH:
            return failure("WRONG_PASSWORD")
        self.authorised += 1
        return Reply(pb.AuthRes(permission=[1, 5]))

    def drop_all(self) -> None:
        for writer in self._writers.values():
            writer.transport.abort()

    async def push(self, number: int, message: Message, client_id: str = "") -> None:
        for writer in list(self._writers.values()):
            writer.write(wire.pack(number, message, client_id))
            await writer.drain()

    def config(self, **changes: Any) -> CTraderConfig:
        settings: dict[str, Any] = {
            "server": "scripted",
            "host": HOST,
            "port": self.port,
            "web_port": self.web_port,
            "manager": 1000,
            "password": PASSWORD,
            "plant": "rialto",
            "environment": "demo",
            "broker": "nordwind",
            "ca_file": str(self.directory / "ca.pem"),
            "call_seconds": 5.0,
            "login_pause_seconds": 0.0,
            "backoff_first": 0.05,
        }
        return CTraderConfig(**{**settings, **changes})

    async def _note(self, change: Callable[[], None]) -> None:
        async with self.changed:
            change()
            self.changed.notify_all()

    # --- the Manager's API

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        self._writers[connection] = writer
        answering: set[asyncio.Task[None]] = set()
        try:
            if self.greets:
                writer.write(wire.pack(wire.HELLO, pb.Empty()))
            while True:
                incoming = await wire.read_frame(reader, 1 << 20)
                seen = Seen(connection, incoming.number, incoming.payload, incoming.client_id)
                await self._note(lambda seen=seen: self.seen.append(seen))
                task = asyncio.create_task(self._reply(seen, writer))
                answering.add(task)
                task.add_done_callback(answering.discard)
        except (OSError, EOFError):
            return
        finally:
            for task in answering:
                task.cancel()
            self._writers.pop(connection, None)
            writer.transport.abort()
            async with self.changed:
                self.changed.notify_all()

    async def _reply(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.number == wire.HEARTBEAT:
            return
        found = self.script[seen.number].popleft() if self.script[seen.number] else self.always.get(seen.number)
        reply = found(seen) if callable(found) else found or failure("UNSUPPORTED_MESSAGE")
        if reply.gate is not None:
            await reply.gate.wait()
        if reply.drop:
            writer.transport.abort()
            return
        for number, message, client_id in reply.first:
            writer.write(wire.pack(number, message, client_id or seen.client_id))
        if reply.raw is not None:
            writer.write(reply.raw)
            return
        number = KINDS[seen.number].answer if reply.number is None else reply.number
        client_id = seen.client_id if reply.client_id is None else reply.client_id
        writer.write(wire.pack(number, reply.message or pb.Empty(), client_id))

    # --- WebServices

    async def _serve_web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await self._request(reader)
                await self._note(lambda asked=asked: self.asked.append(asked))
                key = (asked.method, asked.path)
                found = self.web_script[key].popleft() if self.web_script[key] else self.web_always.get(key)
                reply = found or WebReply({"errorCode": "TRADER_NOT_FOUND"}, 404)
                if reply.drop:
                    return
                body = b"" if reply.payload is None else json.dumps(reply.payload).encode()
                head = f"HTTP/1.1 {reply.status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                writer.write(reply.raw if reply.raw is not None else head + body)
                await writer.drain()
        except (OSError, EOFError):
            return
        finally:
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader) -> Asked:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        return Asked(method, parts.path, dict(parse_qsl(parts.query)), json.loads(body) if body else None)
