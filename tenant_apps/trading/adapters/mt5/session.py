"""A logged-in session: it *is* the TCP connection, and ends with it (vendor's manual, "Pings")."""

import asyncio
import logging
import ssl
from contextlib import suppress

from tenant_apps.trading.adapters.mt5 import auth
from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.https import HttpsLine
from tenant_apps.trading.adapters.mt5.raw import RawLine
from tenant_apps.trading.adapters.mt5.transport import Insecure, Line
from tenant_apps.trading.adapters.sockets import Connector, Lost
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 2.0


async def _open_line(config: Mt5Config, connector: Connector, context: ssl.SSLContext | None) -> Line:
    """A connection in the configured form. Raises OSError."""
    limit = config.max_answer_bytes
    if config.transport == "raw":
        return await RawLine.open(config.host, config.port, connector=connector, encrypt=config.encrypt, limit=limit)
    assert context is not None
    return await HttpsLine.open(config.host, config.port, connector=connector, context=context, limit=limit)


class Session:
    """Open with `Session.open`. One call at a time; pings itself while idle; once lost, it stays lost."""

    def __init__(self, config: Mt5Config, line: Line) -> None:
        self._config = config
        self._line = line
        self._turn = asyncio.Lock()
        self._pinger: asyncio.Task[None] | None = None
        self._last_heard = asyncio.get_running_loop().time()
        self.versions: tuple[str, str] = ("", "")

    @classmethod
    async def open(cls, config: Mt5Config, *, connector: Connector, context: ssl.SSLContext | None) -> "Session":
        """Connect and log in; the text protocol needs no `context`.

        Raises PlatformUnavailable or, for credentials, PlatformRejected.
        """
        try:
            async with asyncio.timeout(config.connect_seconds):
                line = await _open_line(config, connector, context)
        except TimeoutError as error:
            raise PlatformUnavailable("no connection in time", server=config.server) from error
        except OSError as error:
            raise PlatformUnavailable(f"no connection: {error}", server=config.server) from error
        session = cls(config, line)
        try:
            await session._log_in()
        except BaseException:
            line.abort()
            raise
        session._pinger = asyncio.create_task(session._ping_while_idle(), name=f"ping {config.server}")
        return session

    @property
    def is_usable(self) -> bool:
        return self._line.is_usable

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
            await self._ping()
        except Lost as lost:
            raise Lost(lost.reason, sent=False) from lost

    async def _ping(self) -> None:
        await self._line.ping(seconds=self._config.call_seconds)
        self._last_heard = asyncio.get_running_loop().time()

    async def _send(self, call: Call) -> Answer:
        answer = await self._line.call(call, seconds=self._config.call_seconds)
        self._last_heard = asyncio.get_running_loop().time()
        return answer

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
                    **self._line.greeting,
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
        try:
            self._line.secure(hashed, answer)
        except Insecure as error:
            raise PlatformRejected(str(error), name=Rejection.SERVER_IDENTITY, server=config.server) from error
        access = answer.record.text("version_access") or start.record.text("version_access")
        self.versions = (access, answer.record.text("version_trade"))

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
                    await self._ping()
                except Lost as lost:
                    log.info("session with %s lost while idle: %s", self._config.server, lost.reason)
                    self._line.abort()
                    return

    def drop(self) -> None:
        """Let a lost session go at once."""
        if self._pinger is not None:
            self._pinger.cancel()
        self._line.abort()

    async def close(self) -> None:
        """Log out if that is possible, and let the socket go. Never raises."""
        if self._pinger is not None:
            self._pinger.cancel()
            with suppress(asyncio.CancelledError):
                await self._pinger
        if self.is_usable:
            with suppress(Lost):
                await self._line.quit(seconds=FAREWELL_SECONDS)
        await self._line.close()
