"""A client's session whatever the wire form: log-in, rights, dispatch, and the faults around them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5.accounts import Fields
from sandbox.mt5.commands import COMMANDS, Context
from sandbox.mt5.http import Abort, Silence
from sandbox.mt5.secrets import proof
from sandbox.mt5.server import TradingServer

VERSION_ACCESS = "3661"
MINIMUM_CLIENT_VERSION = 484
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Windows:
    """How long the server waits, seconds: for auth/answer after auth/start, and for anything from a
    client.
    """

    authentication: float = 10.0
    silence: float = 180.0


class LogInRefused(Exception):
    """A failed log-in, or a call without one."""

    def __init__(self, code: Retcode) -> None:
        super().__init__(code.name)
        self.code = code


class UnknownCommand(Exception):
    """No command of this name."""


class Session:
    """One connection: unknown, challenged, or authenticated at exactly one trading server.

    `deadline` (seconds) bounds the client's silence at this moment.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self.deadline = windows.silence
        self._server: TradingServer | None = None
        self._manager: Manager | None = None
        self._challenge = ""
        self._candidate: Manager | None = None

    @property
    def manager(self) -> Manager | None:
        """Who is logged in."""
        return self._manager

    def start(self, server: TradingServer, fields: Fields) -> dict[str, Any]:
        """auth/start: what stands beside the return code."""
        if (fields.text("type") or "").lower() != "manager":
            raise Refused(Retcode.INVALID_TERMINAL_TYPE)
        agent = fields.text("agent") or ""
        if fields.need("version") < MINIMUM_CLIENT_VERSION or not agent or any(one.isspace() for one in agent):
            raise Refused(Retcode.INVALID_PARAMETERS)
        candidate = server.book.managers.get(fields.need("login"))
        self._server = self._manager = None
        if candidate is None:
            raise LogInRefused(Retcode.INVALID_ACCOUNT)
        self._server, self._candidate = server, candidate
        self._challenge = os.urandom(16).hex()
        self.deadline = self._windows.authentication
        return {"version_access": VERSION_ACCESS, "srv_rand": self._challenge}

    def prove(self, server: TradingServer, fields: Fields) -> dict[str, Any]:
        """auth/answer: what stands beside the return code."""
        candidate, challenge = self._candidate, self._challenge
        self._candidate, self._challenge = None, ""
        if candidate is None or self._server is not server:
            raise LogInRefused(Retcode.INVALID_ACCOUNT)
        if (fields.text("srv_rand_answer") or "").lower() != proof(candidate.secret, challenge):
            raise LogInRefused(Retcode.INVALID_ACCOUNT)
        try:
            answer = proof(candidate.secret, fields.text("cli_rand") or "")
        except ValueError:
            raise LogInRefused(Retcode.INVALID_PARAMETERS)
        if server.faults.take("wrong_hash", "/api/auth/answer"):
            answer = os.urandom(16).hex()
        self._manager = candidate
        self.deadline = self._windows.silence
        return {"version_access": VERSION_ACCESS, "version_trade": VERSION_ACCESS, "cli_rand_answer": answer}

    def command(
        self, server: TradingServer, path: str, query: dict[str, str], raw: bytes, body: Callable[[], Any]
    ) -> dict[str, Any]:
        """Any other command: what stands beside the return code."""
        if self._manager is None or self._server is not server:
            raise LogInRefused(Retcode.NOT_ENOUGH_PERMISSIONS)
        if path in {"/api/quit", "/api/test/access"}:
            return {}
        command = COMMANDS.get(path)
        if command is None:
            raise UnknownCommand(path)
        if server.faults.take("rights_missing", path):
            raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS)
        if command.right not in self._manager.rights:
            raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS)
        fields = Fields(query, _json_object(body))
        try:
            return command.run(Context(server, self._manager, fields, query, raw))
        except OverflowError:
            # A number beyond 64 bits cannot be anybody's login, ticket or time.
            raise Refused(Retcode.INVALID_PARAMETERS)


def _json_object(read: Callable[[], Any]) -> Mapping[str, Any] | None:
    try:
        body = read()
    except ValueError:
        raise Refused(Retcode.INVALID_PARAMETERS, "the body is not JSON")
    if body is not None and not isinstance(body, dict):
        raise Refused(Retcode.INVALID_PARAMETERS, "the body is not a JSON object")
    return body


async def under_faults(server: TradingServer, path: str, work: Callable[[], T]) -> T:
    """Do the work unless an armed fault comes before it; let one that comes after have its say.

    Raises http.Silence and http.Abort.
    """
    if server.faults.take("half_open", path):
        raise Silence
    if server.faults.take("drop_before_commit", path):
        raise Abort
    result = work()
    slow = server.faults.take("slow", path)
    if slow is not None:
        await asyncio.sleep(slow.value)
    if server.faults.take("drop_after_commit", path):
        raise Abort
    return result
