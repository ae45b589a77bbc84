"""The Web API over HTTPS: the Host header says which server, the answer is one JSON object."""

from __future__ import annotations

import asyncio
import os

from sandbox.exchange.retcodes import Refused, Retcode, retcode_text
from sandbox.mt5 import http
from sandbox.mt5.accounts import Fields
from sandbox.mt5.registry import Registry
from sandbox.mt5.server import TradingServer
from sandbox.mt5.session import LogInRefused, Session, UnknownCommand, Windows, under_faults
from sandbox.mt5.wire import stringify

BODY_LIMIT = 4 << 20


class WebApi:
    """Accepts connections on the TLS port."""

    def __init__(self, registry: Registry, windows: Windows) -> None:
        self._registry = registry
        self.windows = windows
        self.sessions = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        connection = http.Connection(reader, writer, deadline=self.windows.silence, body_limit=BODY_LIMIT)
        self.sessions += 1
        try:
            await connection.run(HttpSession(self._registry, self.windows, connection).handle)
        finally:
            self.sessions -= 1


class HttpSession:
    """One connection's requests."""

    def __init__(self, registry: Registry, windows: Windows, connection: http.Connection) -> None:
        self._registry = registry
        self._connection = connection
        self._session = Session(windows)

    async def handle(self, request: http.Request) -> http.Response:
        """Answer one request, after any armed fault had its say."""
        server = self._registry.by_host(request.headers.get("host", ""))
        if server is None:
            return http.Response(404, b"", close=True)
        response = await under_faults(server, request.path, lambda: self._dispatch(server, request))
        self._connection.deadline = self._session.deadline
        return response

    def _dispatch(self, server: TradingServer, request: http.Request) -> http.Response:
        status = server.faults.take("http_status", request.path)
        if status is not None:
            return http.Response(int(status.value), b"", "text/html")
        if request.method not in ("GET", "POST"):
            return http.Response(405, b"")
        try:
            response = http.Response.of({"retcode": retcode_text(Retcode.DONE), **self._result(server, request)})
        except UnknownCommand:
            return http.Response(404, b"", "text/html")
        except LogInRefused as failure:
            return _failure(server, failure.code)
        except Refused as refusal:
            return http.Response.of({"retcode": refusal.text})
        if request.path == "/api/auth/start":
            response.headers.append(("Set-Cookie", f"session={os.urandom(8).hex()}; path=/; secure; httponly"))
        response.close = request.path == "/api/quit"
        return response

    def _result(self, server: TradingServer, request: http.Request) -> dict[str, object]:
        if request.path == "/api/auth/start":
            return self._session.start(server, Fields(request.query))
        if request.path == "/api/auth/answer":
            return self._session.prove(server, Fields(request.query))
        found = self._session.command(server, request.path, request.query, request.body, request.json)
        return {key: stringify(value) for key, value in found.items()}


def _failure(server: TradingServer, code: Retcode) -> http.Response:
    response = http.Response.of({"retcode": retcode_text(code)}, status=server.config.failure_status)
    response.close = server.config.failure_status != 200
    return response
