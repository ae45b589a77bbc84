"""The Web API over HTTPS: the session rules (it lives and dies with its connection), faults, and dispatch."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused, Retcode, retcode_text
from sandbox.mt5 import http
from sandbox.mt5.accounts import Fields
from sandbox.mt5.commands import COMMANDS, Context
from sandbox.mt5.registry import Registry
from sandbox.mt5.secrets import proof
from sandbox.mt5.server import TradingServer
from sandbox.mt5.wire import stringify

VERSION_ACCESS = "3661"
MINIMUM_CLIENT_VERSION = 484
BODY_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True)
class Windows:
    """How long the server waits, seconds: for auth/answer after auth/start, and for anything from a
    client.
    """

    authentication: float = 10.0
    silence: float = 180.0


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
            await connection.run(Session(self._registry, self.windows, connection).handle)
        finally:
            self.sessions -= 1


class Session:
    """One connection: unknown, challenged, or authenticated at exactly one trading server."""

    def __init__(self, registry: Registry, windows: Windows, connection: http.Connection) -> None:
        self._registry = registry
        self._windows = windows
        self._connection = connection
        self._server: TradingServer | None = None
        self._manager: Manager | None = None
        self._challenge = ""
        self._candidate: Manager | None = None

    async def handle(self, request: http.Request) -> http.Response:
        """Answer one request, after any armed fault had its say."""
        server = self._registry.by_host(request.headers.get("host", ""))
        if server is None:
            return http.Response(404, b"", close=True)
        if server.faults.take("half_open", request.path):
            raise http.Silence
        if server.faults.take("drop_before_commit", request.path):
            raise http.Abort
        status = server.faults.take("http_status", request.path)
        if status is not None:
            return http.Response(int(status.value), b"", "text/html")
        response = self._dispatch(server, request)
        slow = server.faults.take("slow", request.path)
        if slow is not None:
            await asyncio.sleep(slow.value)
        if server.faults.take("drop_after_commit", request.path):
            raise http.Abort
        return response

    def _dispatch(self, server: TradingServer, request: http.Request) -> http.Response:
        try:
            if request.method not in ("GET", "POST"):
                return http.Response(405, b"")
            if request.path == "/api/auth/start":
                return self._start(server, Fields(request.query))
            if request.path == "/api/auth/answer":
                return self._prove(server, Fields(request.query))
            if self._manager is None or self._server is not server:
                return _failure(server, Retcode.NOT_ENOUGH_PERMISSIONS)
            return self._command(server, self._manager, request)
        except Refused as refusal:
            return http.Response.of({"retcode": refusal.text})
        except OverflowError:
            # A number beyond 64 bits cannot be anybody's login, ticket or time.
            return http.Response.of({"retcode": retcode_text(Retcode.INVALID_PARAMETERS)})

    def _start(self, server: TradingServer, fields: Fields) -> http.Response:
        if (fields.text("type") or "").lower() != "manager":
            raise Refused(Retcode.INVALID_TERMINAL_TYPE)
        agent = fields.text("agent") or ""
        if fields.need("version") < MINIMUM_CLIENT_VERSION or not agent or any(one.isspace() for one in agent):
            raise Refused(Retcode.INVALID_PARAMETERS)
        candidate = server.book.managers.get(fields.need("login"))
        self._server = self._manager = None
        if candidate is None:
            return _failure(server, Retcode.INVALID_ACCOUNT)
        self._server, self._candidate = server, candidate
        self._challenge = os.urandom(16).hex()
        self._connection.deadline = self._windows.authentication
        response = http.Response.of(
            {
                "retcode": retcode_text(Retcode.DONE),
                "version_access": VERSION_ACCESS,
                "srv_rand": self._challenge,
            }
        )
        response.headers.append(("Set-Cookie", f"session={os.urandom(8).hex()}; path=/; secure; httponly"))
        return response

    def _prove(self, server: TradingServer, fields: Fields) -> http.Response:
        candidate, challenge = self._candidate, self._challenge
        self._candidate, self._challenge = None, ""
        if candidate is None or self._server is not server:
            return _failure(server, Retcode.INVALID_ACCOUNT)
        if (fields.text("srv_rand_answer") or "").lower() != proof(candidate.secret, challenge):
            return _failure(server, Retcode.INVALID_ACCOUNT)
        try:
            answer = proof(candidate.secret, fields.text("cli_rand") or "")
        except ValueError:
            return _failure(server, Retcode.INVALID_PARAMETERS)
        if server.faults.take("wrong_hash", "/api/auth/answer"):
            answer = os.urandom(16).hex()
        self._manager = candidate
        self._connection.deadline = self._windows.silence
        return http.Response.of(
            {
                "retcode": retcode_text(Retcode.DONE),
                "version_access": VERSION_ACCESS,
                "version_trade": VERSION_ACCESS,
                "cli_rand_answer": answer,
            }
        )

    def _command(self, server: TradingServer, manager: Manager, request: http.Request) -> http.Response:
        if request.path == "/api/quit":
            response = http.Response.of({"retcode": retcode_text(Retcode.DONE)})
            response.close = True
            return response
        if request.path == "/api/test/access":
            return http.Response.of({"retcode": retcode_text(Retcode.DONE)})
        command = COMMANDS.get(request.path)
        if command is None:
            return http.Response(404, b"", "text/html")
        if server.faults.take("rights_missing", request.path):
            raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS)
        if command.right not in manager.rights:
            raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS)
        body = _json_object(request)
        result = command.run(Context(server, manager, Fields(request.query, body), request.query, request.body))
        return http.Response.of({"retcode": retcode_text(Retcode.DONE), **stringify(result)})


def _failure(server: TradingServer, code: Retcode) -> http.Response:
    response = http.Response.of({"retcode": retcode_text(code)}, status=server.config.failure_status)
    response.close = server.config.failure_status != 200
    return response


def _json_object(request: http.Request) -> dict[str, Any] | None:
    try:
        body = request.json()
    except ValueError:
        raise Refused(Retcode.INVALID_PARAMETERS, "the body is not JSON")
    if body is not None and not isinstance(body, dict):
        raise Refused(Retcode.INVALID_PARAMETERS, "the body is not a JSON object")
    return body
