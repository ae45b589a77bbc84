"""One TCP port per trading server, for the text protocol has no Host header to choose by."""

from __future__ import annotations

import asyncio
from functools import partial

from sandbox.mt5.http import detached
from sandbox.mt5.raw.connection import RawConnection, RawSettings
from sandbox.mt5.registry import Registry
from sandbox.mt5.server import TradingServer
from sandbox.mt5.session import Windows


class RawListeners:
    """Opens and closes the ports.

    `first` is the port of the first server, the next has the next; 0 takes any free one. A server keeps its
    port over restarts, so that clients find it again.
    """

    def __init__(self, registry: Registry, windows: Windows, settings: RawSettings, host: str, first: int) -> None:
        self._registry = registry
        self._windows = windows
        self._settings = settings
        self._host = host
        self._first = first
        self._open: list[asyncio.Server] = []

    async def listen_all(self) -> None:
        """For the servers there are, and from now on for each that is created. Raises OSError."""
        for server in self._registry.servers.values():
            await self.listen(server)
        self._registry.on_create = self.listen

    async def listen(self, server: TradingServer) -> None:
        """Begin to accept clients of one server. Raises OSError when its port is taken."""
        serve = detached(partial(self._serve, server))
        kept = server.config.raw_port
        port = server.config.raw_port = kept or self._next()  # taken at once: two servers may be created together
        try:
            listener = await asyncio.start_server(serve, self._host, port)
        except OSError:
            if self._first:
                raise
            listener = await asyncio.start_server(serve, self._host, 0)
        self._open.append(listener)
        server.config.raw_port = listener.sockets[0].getsockname()[1]
        if server.config.raw_port != kept:
            with server.transaction():
                server.save_config()

    def _next(self) -> int:
        taken = {server.config.raw_port for server in self._registry.servers.values()}
        return self._first and next(port for port in range(self._first, 1 << 16) if port not in taken)

    async def _serve(self, server: TradingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await RawConnection(server, self._windows, self._settings, reader, writer).run()

    def close(self) -> None:
        """Accept nobody more."""
        for listener in self._open:
            listener.close()
