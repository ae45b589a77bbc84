"""A logged-in session: it *is* the TCP connection, and ends with it (vendor's manual, "Pings")."""

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tenant_apps.trading.adapters.http import Connection, Response
from tenant_apps.trading.adapters.mt5 import auth
from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.values import Malformed, Record
from tenant_apps.trading.adapters.sockets import Connector, Lost
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection

log = logging.getLogger(__name__)

PING = "/api/test/access"
QUIT = "/api/quit"
FAREWELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `changes`: it moves something, so it must never be sent a second time by itself."""

    path: str
    params: Mapping[str, str | int] | None = None
    body: Mapping[str, Any] | None = None
    changes: bool = False

    @property
    def method(self) -> str:
        return "POST" if self.changes or self.body is not None else "GET"

    @property
    def target(self) -> str:
        # Commas, stars and exclamation marks build lists and masks: they stay. A backslash becomes %5C.
        query = urlencode(self.params or {}, quote_via=quote, safe=",*!")
        return f"{self.path}?{query}" if query else self.path


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that arrived whole, whatever it says.

    `payload` is its "answer" member, of any type; `top` the whole object, for calls that answer flat.
    """

    retcode: Retcode
    top: Record
    payload: Any

    @property
    def record(self) -> Record:
        """The answer as one record; falls back to the top level for flat answers."""
        return Record(self.payload) if isinstance(self.payload, Mapping) else self.top

    @property
    def rows(self) -> list[Any]:
        """The answer as a list; a lone object counts as a list of one, nothing as an empty list."""
        if isinstance(self.payload, Sequence) and not isinstance(self.payload, str):
            return list(self.payload)
        return [self.payload] if isinstance(self.payload, Mapping) and self.payload else []

    @classmethod
    def parse(cls, body: bytes) -> "Answer":
        """Raises Malformed."""
        try:
            top = Record(json.loads(body.decode("utf-8-sig")))
            retcode = Retcode.parse(top.get("retcode"))
        except (ValueError, RecursionError) as error:
            raise Malformed(f"not an answer: {error}") from error
        return cls(retcode, top, top.get("answer"))


class Session:
    """Open with `Session.open`. One call at a time; pings itself while idle; once lost, it stays lost."""

    def __init__(self, config: Mt5Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._turn = asyncio.Lock()
        self._cookies: dict[str, str] = {}
        self._pinger: asyncio.Task[None] | None = None
        self._last_heard = asyncio.get_running_loop().time()
        self.versions: tuple[str, str] = ("", "")

    @classmethod
    async def open(cls, config: Mt5Config, *, connector: Connector, context: ssl.SSLContext) -> "Session":
        """Connect and log in. Raises PlatformUnavailable or, for credentials, PlatformRejected."""
        try:
            async with asyncio.timeout(config.connect_seconds):
                connection = await Connection.open(
                    config.host,
                    config.port,
                    connector=connector,
                    context=context,
                    limit=config.max_answer_bytes,
                )
        except TimeoutError as error:
            raise PlatformUnavailable("no connection in time", server=config.server) from error
        except OSError as error:
            raise PlatformUnavailable(f"no connection: {error}", server=config.server) from error
        session = cls(config, connection)
        try:
            await session._log_in()
        except BaseException:
            connection.abort()
            raise
        session._pinger = asyncio.create_task(session._ping_while_idle(), name=f"ping {config.server}")
        return session

    @property
    def is_usable(self) -> bool:
        return self._connection.is_usable

    async def exchange(self, call: Call) -> Answer:
        """Raises Lost: also for an HTTP status other than 200 and for an answer that is none."""
        async with self._turn:
            idle = asyncio.get_running_loop().time() - self._last_heard
            if call.changes and idle > 1.5 * self._config.ping_seconds:
                # The machine slept or the loop was stuck. A probe costs nothing, a lost change does.
                await self._probe()
            return await self._send(call)

    async def _probe(self) -> None:
        try:
            await self._send(Call(PING))
        except Lost as lost:
            raise Lost(lost.reason, sent=False) from lost

    async def _send(self, call: Call) -> Answer:
        body = b"" if call.body is None else json.dumps(call.body).encode()
        headers = [("Connection", "keep-alive"), ("Content-Type", "application/x-www-form-urlencoded")]
        if self._cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())))
        response = await self._connection.exchange(
            call.method, call.target, headers=headers, body=body, seconds=self._config.call_seconds
        )
        self._last_heard = asyncio.get_running_loop().time()
        self._keep_cookies(response)
        if response.status != 200:
            self._connection.abort()
            raise Lost(f"HTTP {response.status}", sent=True, status=response.status)
        try:
            return Answer.parse(response.body)
        except Malformed as error:
            self._connection.abort()
            raise Lost(str(error), sent=True) from error

    def _keep_cookies(self, response: Response) -> None:
        """Some servers hand out cookies at log-in; whether they matter is unknown, so they are returned."""
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                key, _, content = value.partition(";")[0].partition("=")
                self._cookies[key.strip()] = content.strip()

    async def _log_in(self) -> None:
        config = self._config
        hashed = auth.password_hash(config.password)
        start = await self._log_in_step(
            Call(
                "/api/auth/start",
                {
                    "version": config.version,
                    "agent": config.agent.replace(" ", ""),
                    "login": config.manager,
                    "type": "manager",
                },
            )
        )
        try:
            challenge = bytes.fromhex(start.record.text("srv_rand"))
        except ValueError:
            challenge = b""
        if len(challenge) != 16:
            raise PlatformUnavailable("log-in: no usable challenge", server=config.server)
        own = auth.new_challenge()
        answer = await self._log_in_step(
            Call(
                "/api/auth/answer",
                {"srv_rand_answer": auth.proof(hashed, challenge).hex(), "cli_rand": own.hex()},
            )
        )
        if not auth.is_proof(hashed, own, answer.record.text("cli_rand_answer")):
            raise PlatformRejected(
                "the server does not know our password: it is not the server it claims to be",
                name=Rejection.SERVER_IDENTITY,
                server=config.server,
            )
        self.versions = (answer.record.text("version_access"), answer.record.text("version_trade"))

    async def _log_in_step(self, call: Call) -> Answer:
        try:
            answer = await self._send(call)
        except Lost as lost:
            if lost.status in self._config.refused_statuses:
                raise PlatformRejected(
                    f"log-in refused with {lost.reason}",
                    name=Rejection.AUTHENTICATION_FAILED,
                    number=lost.status,
                    server=self._config.server,
                ) from lost
            raise PlatformUnavailable(f"log-in: {lost.reason}", server=self._config.server) from lost
        if not answer.retcode.is_done:
            raise answer.retcode.error(self._config.server)
        return answer

    async def _ping_while_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while self.is_usable:
            await asyncio.sleep(self._last_heard + self._config.ping_seconds - loop.time())
            async with self._turn:
                if loop.time() - self._last_heard < self._config.ping_seconds:
                    continue
                try:
                    await self._send(Call(PING))
                except Lost as lost:
                    log.info("session with %s lost while idle: %s", self._config.server, lost.reason)
                    self._connection.abort()
                    return

    def drop(self) -> None:
        """Let a lost session go at once."""
        if self._pinger is not None:
            self._pinger.cancel()
        self._connection.abort()

    async def close(self) -> None:
        """Log out if that is possible, and let the socket go. Never raises."""
        if self._pinger is not None:
            self._pinger.cancel()
            with suppress(asyncio.CancelledError):
                await self._pinger
        if self.is_usable:
            with suppress(Lost, TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._send(Call(QUIT))
        await self._connection.close()
