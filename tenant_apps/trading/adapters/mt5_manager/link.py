"""The connection with the service: opened when needed and anew when lost; what is asked again and what never is."""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from tenant_apps.trading.adapters.sockets import Connector, Lost, trust
from tenant_apps.trading.errors import OutcomeUnknown, PlatformError, PlatformRejected, PlatformUnavailable

from . import names
from .config import Mt5ManagerConfig
from .handshake import Opening, Refused
from .session import Session
from .values import Malformed, Record


class Link:
    """Belongs to one event loop. `hear` is who is told of events, None for nobody."""

    def __init__(self, config: Mt5ManagerConfig, *, connector: Connector, now: Callable[[], datetime]) -> None:
        self._config = config
        self._connector = connector
        self._context: ssl.SSLContext | None = None
        self._lanes = asyncio.Semaphore(config.in_flight)
        self._turn = asyncio.Lock()
        self._attempts = 0
        self._failure: PlatformError | None = None
        self._pause_until = 0.0
        self._session: Session | None = None
        self.is_closed = False
        self.now = now
        self.hear: Callable[[Record], None] | None = None

    async def ask(self, call: str, args: Mapping[str, Any] | None = None) -> Record:
        """A read: asked once more over a new connection when the first was lost, but not after a time-out.

        Raises PlatformUnavailable, PlatformRejected.
        """
        for is_last in (False, True):
            session = await self.session()
            try:
                async with self._lanes:
                    return await session.request(call, args or {})
            except Refused as refused:
                raise self._error(refused) from refused
            except Malformed as error:
                raise self._unavailable(f"{call}: {error}") from error
            except Lost as lost:
                if is_last or lost.timed_out:
                    raise self._unavailable(f"{call}: {lost.reason}") from lost
        raise AssertionError("the loop above returns or raises")

    async def change(self, call: str, args: Mapping[str, Any], *, operation: str) -> Record:
        """A change: sent again only if not a single byte of it had been handed to the socket.

        Raises PlatformUnavailable, PlatformRejected, OutcomeUnknown.
        """
        attempted_at = self.now()
        for is_last in (False, True):
            session = await self.session()
            try:
                async with self._lanes:
                    if session.silent_for > 2 * self._config.heartbeat_seconds:
                        # The machine slept or the loop was stuck. A probe costs nothing, a lost change does.
                        await session.probe()
                    return await session.request(call, args, operation=operation)
            except Refused as refused:
                if names.is_doubtful(refused.name):
                    raise self.unknown(f"{call}: {refused}", attempted_at) from refused
                raise self._error(refused) from refused
            except Malformed as error:
                raise self._unavailable(f"{call}: {error}") from error
            except Lost as lost:
                if lost.sent:
                    raise self.unknown(f"{call}: {lost.reason}", attempted_at) from lost
                if is_last:
                    raise self._unavailable(f"{call}: {lost.reason}") from lost
        raise AssertionError("the loop above returns or raises")

    async def subscribe(self, epoch: str | None, since: int | None) -> Session:
        """Have the service tell events over the session returned, from `since` of `epoch` on if it still can.

        Raises PlatformUnavailable, PlatformRejected.
        """
        session = await self.session()
        try:
            await session.request("events.subscribe", {"epoch": epoch, "since": since})
        except Refused as refused:
            raise self._error(refused) from refused
        except Lost as lost:
            raise self._unavailable(f"events.subscribe: {lost.reason}") from lost
        return session

    @contextmanager
    def decoding(self, what: str) -> Iterator[None]:
        """An answer we cannot read is as good as none: a read may simply be tried again."""
        try:
            yield
        except Malformed as error:
            raise self._unavailable(f"{what}: {error}") from error

    def unknown(self, text: str, attempted_at: datetime) -> OutcomeUnknown:
        return OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server)

    def _unavailable(self, text: str) -> PlatformUnavailable:
        return PlatformUnavailable(text, server=self._config.server)

    def _error(self, refused: Refused) -> PlatformError:
        server = self._config.server
        return names.error_of(refused.name, refused.text, server=server, native=refused.native, wait=refused.wait)

    # --- the session

    async def session(self) -> Session:
        """The live session. Whoever waited while an attempt failed shares its failure instead of trying again."""
        seen = self._attempts
        async with self._turn:
            if self.is_closed:
                raise self._unavailable("the connection is closed")
            if self._session is not None and self._session.is_usable:
                return self._session
            paused = asyncio.get_running_loop().time() < self._pause_until
            if self._failure is not None and (paused or self._attempts != seen):
                raise _again(self._failure)
            self._session = await self._open()
            return self._session

    async def _open(self) -> Session:
        self._attempts += 1
        if self._session is not None:
            self._session.drop()
        try:
            opening = Opening(self._config, self._connector, await self._tls(), self.now, self._heard)
            session = await Session.open(opening)
        except PlatformError as error:
            self._failure = error
            if isinstance(error, PlatformRejected):
                # Services block the address of a client that insists on wrong credentials.
                self._pause_until = asyncio.get_running_loop().time() + self._config.login_pause_seconds
            raise
        self._failure = None
        return session

    def _heard(self, message: Record) -> None:
        if self.hear is not None:
            self.hear(message)

    async def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            # Reading the machine's store takes tens of milliseconds: not in the event loop.
            try:
                self._context = await asyncio.to_thread(_context, self._config)
            except OSError as error:
                raise self._unavailable(f"the certificate authority cannot be read: {error}") from error
        return self._context

    async def close(self) -> None:
        """Never raises."""
        self.is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _context(config: Mt5ManagerConfig) -> ssl.SSLContext:
    """A fingerprint alone is enough: the session compares it, and says nothing before."""
    context = trust(ca_file=config.ca_file, ca_text=config.ca_text)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.fingerprint and config.ca_file is None and not config.ca_text:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _again(error: PlatformError) -> PlatformError:
    """The same error to raise once more, without the first one's growing traceback."""
    if isinstance(error, PlatformRejected):
        return PlatformRejected(error.text, name=error.name, number=error.number, server=error.server)
    return PlatformUnavailable(error.text, server=error.server)
