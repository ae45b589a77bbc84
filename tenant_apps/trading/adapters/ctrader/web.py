"""WebServices: JSON over HTTPS, with a token of the manager's in every address."""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from tenant_apps.trading.adapters.http import Connection, Response
from tenant_apps.trading.adapters.sockets import Connector, Lost, trust
from tenant_apps.trading.errors import OutcomeUnknown, PlatformError, PlatformRejected, PlatformUnavailable, Rejection

from . import codes
from .config import CTraderConfig
from .values import Malformed, password_hash

DONE = frozenset({200, 201, 204})
NO_LONGER_KNOWN = frozenset({401, 403})  # what an outdated token is answered with is not documented
HEADERS = (("Accept", "application/json"), ("Content-Type", "application/json"), ("Connection", "keep-alive"))
_CODE_KEYS = ("errorCode", "code", "error")


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `path` includes its base; `changes`: it must never be sent a second time by itself."""

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    body: Mapping[str, Any] | None = None

    @property
    def changes(self) -> bool:
        return self.method != "GET"


class Fields:
    """One JSON object of an answer; numbers stay exact."""

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise Malformed(f"an object was expected, not {type(raw).__name__}")
        self.raw: dict[str, Any] = dict(raw)

    def text(self, name: str) -> str:
        value = self.raw.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int | None = None) -> int:
        """Raises Malformed when missing without a default, or no whole number."""
        value = self.raw.get(name)
        if value is None and default is not None:
            return default
        try:
            number = Decimal(str(value))
        except InvalidOperation as error:
            raise Malformed(f"{name} is not a number") from error
        if not number.is_finite() or number != number.to_integral_value():
            raise Malformed(f"{name} is not a whole number")
        return int(number)


class Web:
    """Belongs to one event loop. Changes go over a connection of their own: an idle one may be dead already."""

    def __init__(self, config: CTraderConfig, *, connector: Connector, now: Callable[[], datetime]) -> None:
        self._config = config
        self._connector = connector
        self._now = now
        self._context: ssl.SSLContext | None = None
        self._lanes = asyncio.Semaphore(config.sessions)
        self._idle: list[Connection] = []
        self._token_turn = asyncio.Lock()
        self._token = ""
        self._token_at = 0.0
        self._closed = False

    async def call(self, request: Request) -> Any:
        """The answer's JSON, None where it is empty.

        Raises PlatformUnavailable, PlatformRejected and, for changes, OutcomeUnknown.
        """
        attempted_at = self._now()
        async with self._lanes:
            token = await self._valid_token("")
            response = await self._sent(request, token, attempted_at)
            if self._is_outdated(response):
                # Tokens die with a change of the manager's password. The call was refused, so it may be made again.
                token = await self._valid_token(token)
                response = await self._sent(request, token, attempted_at)
        return self._judged(request, response, attempted_at)

    async def _sent(self, request: Request, token: str, attempted_at: datetime) -> Response:
        try:
            return await self._exchange(request, token)
        except Lost as lost:
            if request.changes and lost.sent:
                text = f"{request.method} {request.path}: {lost.reason}"
                raise OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server) from lost
            if lost.timed_out:
                raise self._unavailable(request, lost) from lost
        try:  # a read once more, or a change of which nothing was sent
            return await self._exchange(request, token)
        except Lost as lost:
            if request.changes and lost.sent:
                text = f"{request.method} {request.path}: {lost.reason}"
                raise OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server) from lost
            raise self._unavailable(request, lost) from lost

    def _unavailable(self, request: Request, lost: Lost) -> PlatformUnavailable:
        return PlatformUnavailable(f"{request.method} {request.path}: {lost.reason}", server=self._config.server)

    def _judged(self, request: Request, response: Response, attempted_at: datetime) -> Any:
        code = "" if response.status in DONE else _code(response.body)
        if response.status in DONE:
            try:
                return _json(response.body)
            except Malformed as error:
                raise self._broken(request, str(error), attempted_at) from error
        text = f"{request.method} {request.path}: HTTP {response.status} {code}".strip()
        if code and not codes.is_doubtful(code):
            raise codes.error_of(code, f"({request.method} {request.path})", server=self._config.server)
        if response.status == 404:
            raise PlatformRejected(text, name=Rejection.NOT_FOUND, number=404, server=self._config.server)
        if not code and response.status in self._config.refused_statuses:
            name = Rejection.FORBIDDEN if response.status in NO_LONGER_KNOWN else Rejection.OTHER
            raise PlatformRejected(text, name=name, number=response.status, server=self._config.server)
        raise self._broken(request, text, attempted_at)

    def _broken(self, request: Request, text: str, attempted_at: datetime) -> PlatformError:
        if request.changes:
            return OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server)
        return PlatformUnavailable(text, server=self._config.server)

    # --- the token

    def _is_outdated(self, response: Response) -> bool:
        """Whether the token may be what was refused: how servers say that is not documented."""
        code = "" if response.status in DONE else _code(response.body)
        age = asyncio.get_running_loop().time() - self._token_at
        if code == "NOT_ENOUGH_RIGHTS" and age >= self._config.token_doubt_seconds:
            return True
        return response.status in NO_LONGER_KNOWN and not code

    async def _valid_token(self, refused: str) -> str:
        """The token, fetched when there is none or when it is the one just refused."""
        async with self._token_turn:
            if self._token in ("", refused):
                self._token = await self._fetch_token()
                self._token_at = asyncio.get_running_loop().time()
            return self._token

    async def _fetch_token(self) -> str:
        config = self._config
        body = {"login": config.manager, "hashedPassword": password_hash(config.password)}
        request = Request("POST", f"{config.web_base}/webserv/managers/token", body=body)
        try:
            response = await self._exchange(request, "")
            if response.status not in DONE:
                code = _code(response.body)
                text = f"log-in to WebServices: HTTP {response.status} {code}".strip()
                if response.status >= 500:
                    raise PlatformUnavailable(text, server=config.server)
                raise PlatformRejected(text, name=Rejection.AUTHENTICATION_FAILED, server=config.server)
            token = Fields(_json(response.body)).text("webservToken")
        except (Lost, Malformed) as error:
            raise PlatformUnavailable(f"log-in to WebServices: {error}", server=config.server) from error
        if not token:
            raise PlatformUnavailable("log-in to WebServices: no token", server=config.server)
        return token

    # --- connections

    async def _exchange(self, request: Request, token: str) -> Response:
        params = {**(request.params or {}), **({"token": token} if token else {})}
        target = f"{request.path}?{urlencode(params)}" if params else request.path
        body = b"" if request.body is None else json.dumps(request.body).encode()
        connection = await self._connection(fresh=request.changes)
        try:
            response = await connection.exchange(
                request.method, target, headers=HEADERS, body=body, seconds=self._config.call_seconds
            )
        except BaseException:
            connection.abort()
            raise
        if connection.is_usable and not self._closed:
            self._idle.append(connection)
        return response

    async def _connection(self, *, fresh: bool) -> Connection:
        if self._closed:
            raise Lost("the connection is closed", sent=False)
        while self._idle:
            idle = self._idle.pop()
            if idle.is_usable and not fresh:
                return idle
            idle.abort()
        host, port = self._config.web_address()
        try:
            if self._context is None:
                self._context = await asyncio.to_thread(
                    trust, ca_file=self._config.ca_file, ca_text=self._config.ca_text
                )
            async with asyncio.timeout(self._config.connect_seconds):
                return await Connection.open(
                    host,
                    port,
                    connector=self._connector,
                    context=self._context,
                    limit=self._config.max_answer_bytes,
                )
        except ssl.SSLCertVerificationError as error:
            raise PlatformRejected(str(error), name=Rejection.SERVER_IDENTITY, server=self._config.server) from error
        except TimeoutError as error:
            raise Lost("no connection in time", sent=False, timed_out=True) from error
        except OSError as error:
            raise Lost(f"no connection: {error}", sent=False) from error

    async def close(self) -> None:
        """Never raises."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))


def _json(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not an answer: {error}") from error


def _code(body: bytes) -> str:
    """The error's name, wherever the answer keeps it: its envelope is not documented."""
    try:
        found = _json(body)
    except Malformed:
        return ""
    while isinstance(found, Mapping):
        found = next((found[key] for key in _CODE_KEYS if key in found), None)
    return found if isinstance(found, str) else ""
