"""From a server's row to a connection with it.

A worker keeps one connection per server, so that a balance operation does not begin with a log-in. It is made anew when
the row or the secret changes, and never crosses a fork. The bridge makes its own (`platform_for`): its polling must not
stand in the way of money.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from kernel import clock, http, secrets
from kernel.errors import Unavailable
from kernel.models import Credential
from kernel.tenancy import context

from .adapters.blocking import BlockingPlatform
from .adapters.registry import ADAPTERS, Adapter, Config
from .adapters.sockets import connect_directly
from .errors import NoServer, PlatformRejected, PlatformUnavailable, Rejection
from .models import TradingServer
from .ports import TradingPlatform

T = TypeVar("T")
PASSWORD = "manager_password"  # noqa: S105 - the secret's name
QUIET_SECONDS = 180
KEPT = 32
# Wrong credentials are the brokerage's to correct; the operation itself has not been judged.
NOT_ABOUT_THE_REQUEST = frozenset(
    {
        Rejection.AUTHENTICATION_FAILED,
        Rejection.BLOCKED_ADDRESS,
        Rejection.FORBIDDEN,
        Rejection.NO_PERMISSION,
        Rejection.SERVER_IDENTITY,
        Rejection.WRONG_SERVER,
    }
)


async def connect_guarded(host: str, port: int) -> socket.socket:
    """A TCP connection that cannot lead into a private network, unless the installation allows that host."""
    try:
        address = await asyncio.to_thread(http.resolve, host, port)
    except Unavailable as error:
        raise OSError(f"{host} cannot be used: {error.code}") from error
    return await connect_directly(address, port)


def quiet_period(server: TradingServer) -> timedelta:
    """After so long "not found" proves that a lost operation did not happen on this server."""
    return timedelta(seconds=float(server.settings.get("quiet_period", QUIET_SECONDS)))


def adapter_of(server: TradingServer) -> Adapter:
    """Raises NoServer for a kind nothing here speaks."""
    adapter = ADAPTERS.get(server.kind)
    if adapter is None:
        raise NoServer(server=server.name)
    return adapter


def config_of(server: TradingServer, **changes: Any) -> Config:
    """The adapter's configuration; fetches the secret. Raises NoServer when there is none."""
    adapter = adapter_of(server)
    try:
        password = secrets.credential_get(owner=server.secret_owner, name=PASSWORD)
    except Credential.DoesNotExist as error:
        raise NoServer(server=server.name) from error
    values: dict[str, Any] = {
        "server": server.name,
        "host": server.host,
        "port": server.port,
        "manager": server.manager,
        "password": password,
        "ca_file": server.settings.get("ca_file") or None,
        "ca_text": str(server.settings.get("authority") or ""),
        "quiet_period": quiet_period(server),
        "sessions": int(server.settings.get("sessions", 2)),
    }
    values |= adapter.settings(server.settings)
    if not adapter.groups_have_currency:
        types = dict(server.account_types.values_list("group", "currency"))
        values["group_currencies"] = {**types, **values.get("group_currencies", {})}
    return adapter.config(**{**values, **changes})


def platform_for(server: TradingServer, **changes: Any) -> TradingPlatform:
    """An unconnected platform object of one's own, for one event loop."""
    return _platform(adapter_of(server), config_of(server, **changes))


def line_for(server: TradingServer, **changes: Any) -> BlockingPlatform:
    """A connection of one's own for code without an event loop; the secret is read here, not in its thread."""
    adapter, config = adapter_of(server), config_of(server, **changes)
    return BlockingPlatform(lambda: _platform(adapter, config))


def _platform(adapter: Adapter, config: Config) -> TradingPlatform:
    return adapter.platform(config, connect=connect_guarded, now=clock.now)


Key = tuple[str, UUID]


class _Connections:
    """This process's connections, by tenant and server. One server's slow log-in holds up nobody else's calls."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._turns: dict[Key, threading.Lock] = {}
        self._open: dict[Key, tuple[Config, BlockingPlatform]] = {}

    def get(self, server: TradingServer) -> BlockingPlatform:
        if self._process != os.getpid():  # threads do not survive a fork; the parent's sockets are the parent's
            self._begin()
        adapter, config = adapter_of(server), config_of(server)
        key = (str(context.tenant().id), server.pk)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if known := self._known(key, config):
                return known
            platform = BlockingPlatform(lambda: _platform(adapter, config))
            platform.__enter__()
            with self._lock:
                self._open[key] = (config, platform)
            return platform

    def _known(self, key: Key, config: Config) -> BlockingPlatform | None:
        """The connection, if it was made with this configuration; it and the longest unused one are closed otherwise."""
        going: list[BlockingPlatform] = []
        with self._lock:
            known = self._open.pop(key, None)
            if known and known[0] == config:
                self._open[key] = known  # the most recently used stand at the end
                return known[1]
            if known:
                going.append(known[1])
            while len(self._open) >= KEPT:
                going.append(self._open.pop(next(iter(self._open)))[1])
        for platform in going:
            _leave(platform)
        return None

    def close(self) -> None:
        if self._process != os.getpid():
            return
        with self._lock:
            going, self._open = list(self._open.values()), {}
        for _, platform in going:
            _leave(platform)


def _leave(platform: BlockingPlatform) -> None:
    platform.__exit__(None, None, None)


_connections = _Connections()
atexit.register(_connections.close)


def close_all() -> None:
    """End this process's connections; the next call opens them again."""
    _connections.close()


def ask(server: TradingServer, call: Callable[[TradingPlatform], Coroutine[Any, Any, T]]) -> T:
    """Make one call and wait. Raises NoServer and what the platform raises.

    Refused log-ins and missing rights become PlatformUnavailable: no operation fails for good because of them.
    """
    if not server.enabled:
        raise NoServer(server=server.name)
    try:
        return _connections.get(server).run(call)
    except PlatformRejected as error:
        if error.name in NOT_ABOUT_THE_REQUEST:
            raise PlatformUnavailable(str(error), server=server.name) from error
        raise
