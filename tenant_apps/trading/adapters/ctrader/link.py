"""The connection with the Manager's API: opened when needed and anew when lost; what is asked again and what never is."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from google.protobuf.message import Message

from tenant_apps.trading.adapters.sockets import Connector, Lost, trust
from tenant_apps.trading.errors import OutcomeUnknown, PlatformError, PlatformRejected, PlatformUnavailable

from . import codes
from .config import CTraderConfig
from .session import Refused, Session
from .wire import Incoming, Kind


class Hearer(Protocol):
    """Told of connections and events as they come; must neither wait nor raise."""

    def connected(self) -> None:
        """Before any event of a new connection."""

    def heard(self, incoming: Incoming) -> None: ...


class Link:
    """Belongs to one event loop."""

    def __init__(self, config: CTraderConfig, *, connector: Connector, now: Callable[[], datetime]) -> None:
        self._config = config
        self._connector = connector
        self._now = now
        self._context: ssl.SSLContext | None = None
        self._lanes = asyncio.Semaphore(config.in_flight)
        self._turn = asyncio.Lock()
        self._attempts = 0
        self._failure: PlatformError | None = None
        self._pause_until = 0.0
        self._session: Session | None = None
        self._closed = False
        self.hearers: list[Hearer] = []

    @property
    def is_closed(self) -> bool:
        """By us, for good."""
        return self._closed

    @property
    def is_connected(self) -> bool:
        return self._session is not None and self._session.is_usable

    async def ask(self, kind: Kind, message: Message | None = None) -> Any:
        """A read: asked once more over a new connection when the first was lost, but not after a time-out.

        Raises PlatformUnavailable, PlatformRejected.
        """
        return await self._call(kind, message, changes=False)

    async def change(self, kind: Kind, message: Message) -> Any:
        """A change: sent again only if not a single byte of it had been handed to the socket.

        Raises PlatformUnavailable, PlatformRejected, OutcomeUnknown.
        """
        return await self._call(kind, message, changes=True)

    async def _call(self, kind: Kind, message: Message | None, *, changes: bool) -> Any:
        attempted_at, server = self._now(), self._config.server
        for is_last in (False, True):
            session = await self.session()
            try:
                async with self._lanes:
                    if changes and session.silent_for > 2 * self._config.heartbeat_seconds:
                        # The machine slept or the loop was stuck. A probe costs nothing, a lost change does.
                        await session.probe()
                    return await session.request(kind, message)
            except Refused as refused:
                if changes and codes.is_doubtful(refused.code):
                    raise OutcomeUnknown(str(refused), attempted_at=attempted_at, server=server) from refused
                raise codes.error_of(refused.code, refused.text, server=server) from refused
            except Lost as lost:
                text = f"request {kind.request}: {lost.reason}"
                if changes and lost.sent:
                    raise OutcomeUnknown(text, attempted_at=attempted_at, server=server) from lost
                if is_last or lost.timed_out:
                    raise PlatformUnavailable(text, server=server) from lost
        raise AssertionError("the loop above returns or raises")

    async def session(self) -> Session:
        """The live session. Whoever waited while an attempt failed shares its failure instead of trying again."""
        seen = self._attempts
        async with self._turn:
            if self._closed:
                raise PlatformUnavailable("the connection is closed", server=self._config.server)
            if self._session is not None and self.is_connected:
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
        begun: list[Incoming] | None = []

        def hear(incoming: Incoming) -> None:
            if begun is not None:  # events between the log-in's answer and our telling of the connection
                begun.append(incoming)
            else:
                self._hear(incoming)

        try:
            session = await Session.open(self._config, connector=self._connector, context=await self._tls(), hear=hear)
        except PlatformError as error:
            self._failure = error
            if isinstance(error, PlatformRejected):
                # Servers block the address of a client that insists on wrong credentials.
                self._pause_until = asyncio.get_running_loop().time() + self._config.login_pause_seconds
            raise
        self._failure = None
        for hearer in self.hearers:
            hearer.connected()
        early, begun = begun, None
        for incoming in early or ():
            self._hear(incoming)
        return session

    def _hear(self, incoming: Incoming) -> None:
        for hearer in self.hearers:
            hearer.heard(incoming)

    async def _tls(self) -> ssl.SSLContext:
        if self._context is None:
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
        """Never raises."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _again(error: PlatformError) -> PlatformError:
    """The same error to raise once more, without the first one's growing traceback."""
    if isinstance(error, PlatformRejected):
        return PlatformRejected(error.text, name=error.name, number=error.number, server=error.server)
    return PlatformUnavailable(error.text, server=error.server)
