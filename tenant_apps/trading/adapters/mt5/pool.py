"""Several sessions with one server, lent to one call at a time; what is retried and what never is."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import datetime

from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.session import Session
from tenant_apps.trading.adapters.sockets import Connector, Lost, trust
from tenant_apps.trading.errors import OutcomeUnknown, PlatformRejected, PlatformUnavailable, Rejection


class Pool:
    """Belongs to one event loop. Sessions are opened when first needed and opened anew when lost."""

    def __init__(self, config: Mt5Config, *, connector: Connector, now: Callable[[], datetime]) -> None:
        self._config = config
        self._connector = connector
        self._now = now
        self._context: ssl.SSLContext | None = None
        self._slots = asyncio.Semaphore(config.sessions)
        self._waiting = 0
        self._idle: list[Session] = []
        self._log_in_turn = asyncio.Lock()
        self._refusal: tuple[float, PlatformRejected] | None = None
        self._closed = False
        self.versions: tuple[str, str] = ("", "")

    async def call(self, call: Call) -> Answer:
        """Make one call; return its answer if the server says "done".

        A read is sent once more over a fresh session when the first was lost, but not after a time-out. A
        change is sent again only if not a single byte of it had been handed to the socket; otherwise
        OutcomeUnknown.
        """
        attempted_at = self._now()
        for is_last in (False, True):
            session = await self._borrow(fresh=is_last)
            try:
                answer = await session.exchange(call)
            except Lost as lost:
                if call.changes and lost.sent:
                    raise self._lost_change(call, lost, attempted_at) from lost
                if is_last or lost.timed_out:
                    raise self._lost_read(call, lost) from lost
                continue
            finally:
                self._give_back(session)
            if answer.retcode.is_done:
                return answer
            if call.changes and answer.retcode.is_doubtful:
                text = f"{call.path}: retcode {answer.retcode.code} {answer.retcode.text}"
                raise OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server)
            raise answer.retcode.error(self._config.server)
        raise AssertionError("the loop above returns or raises")

    def _lost_change(self, call: Call, lost: Lost, attempted_at: datetime) -> OutcomeUnknown | PlatformRejected:
        if lost.status in self._config.refused_statuses:
            return self._forbidden(call, lost)
        text = f"{call.path}: {lost.reason}"
        return OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server)

    def _lost_read(self, call: Call, lost: Lost) -> PlatformUnavailable | PlatformRejected:
        if lost.status in self._config.refused_statuses:
            return self._forbidden(call, lost)
        return PlatformUnavailable(f"{call.path}: {lost.reason}", server=self._config.server)

    def _forbidden(self, call: Call, lost: Lost) -> PlatformRejected:
        return PlatformRejected(
            f"{call.path}: {lost.reason}",
            name=Rejection.FORBIDDEN,
            number=lost.status,
            server=self._config.server,
        )

    async def _borrow(self, *, fresh: bool) -> Session:
        await self._take_slot()
        try:
            while self._idle:
                session = self._idle.pop()
                if session.is_usable and not fresh:
                    return session
                session.drop()
                if fresh:  # one makes room for one
                    break
            return await self._open()
        except BaseException:
            self._slots.release()
            raise

    async def _take_slot(self) -> None:
        if self._closed:
            raise PlatformUnavailable("the connection is closed", server=self._config.server)
        if self._slots.locked() and self._waiting >= self._config.waiting_limit:
            raise PlatformUnavailable("too many calls are waiting already", server=self._config.server)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._config.waiting_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise PlatformUnavailable("no session became free in time", server=self._config.server) from None
        finally:
            self._waiting -= 1

    def _give_back(self, session: Session) -> None:
        if session.is_usable and not self._closed:
            self._idle.append(session)
        else:
            session.drop()
        self._slots.release()

    async def _open(self) -> Session:
        # One log-in at a time, so that wrong credentials are tried once and not once per session.
        async with self._log_in_turn:
            time = asyncio.get_running_loop().time
            if self._refusal is not None and time() < self._refusal[0]:
                refused = self._refusal[1]
                raise PlatformRejected(
                    refused.text, name=refused.name, number=refused.number, server=refused.server
                ) from refused
            try:
                session = await Session.open(self._config, connector=self._connector, context=await self._tls())
            except PlatformRejected as refused:
                self._refusal = (time() + self._config.login_pause_seconds, refused)
                raise
            self._refusal = None
            self.versions = session.versions
            return session

    async def _tls(self) -> ssl.SSLContext | None:
        if self._context is None and self._config.transport == "https":
            # Reading the machine's store takes tens of milliseconds: not in the event loop.
            try:
                self._context = await asyncio.to_thread(
                    trust, ca_file=self._config.ca_file, ca_text=self._config.ca_text
                )
            except OSError as error:
                text = f"the certificate authority cannot be read: {error}"
                raise PlatformUnavailable(text, server=self._config.server) from error
        return self._context

    async def close(self) -> None:
        """Close idle sessions now and lent ones as they come back. Never raises."""
        self._closed = True
        sessions, self._idle = self._idle, []
        await asyncio.gather(*(session.close() for session in sessions))
