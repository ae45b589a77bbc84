"""What was done under which operation id, in the file of the server and in the transaction of the change itself.

A real service cannot have both in one transaction; it writes down "running" first (README of the adapter, section 5).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.exchange.records import Manager
from sandbox.mt5_manager.refusals import Declined
from sandbox.mt5_manager.server import BridgedServer

_OPERATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
ARGUMENT = "operation"
"""Under this name the id stands among the arguments a changing call gets."""


def _digest(manager: Manager, args: dict[str, Any]) -> str:
    plain = json.dumps(args, sort_keys=True, ensure_ascii=False)
    return hmac.digest(manager.secret.encode(), plain.encode(), hashlib.sha256).hex()


def once(
    server: BridgedServer, manager: Manager, call: str, request: dict[str, Any], run: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """The result, and whether it is that of an earlier time. Declined."""
    operation, args = request.get("operation"), request["args"]
    if not isinstance(operation, str) or not _OPERATION.fullmatch(operation):
        raise Declined("invalid_parameters", "operation")
    if call == "accounts.open" and (args.get("account") or {}).get("external_id") != operation:
        raise Declined("invalid_parameters", "the operation of an opening is its external_id")
    digest = _digest(manager, args)
    known = _row(server, manager, call, operation)
    if known is not None:
        if not hmac.compare_digest(known[0], digest):
            raise Declined("operation_conflict", operation)
        return json.loads(known[1]), True
    with server.transaction():
        result = run()
        server.db.execute(
            "INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?)",
            (manager.login, call, operation, digest, json.dumps(result), server.clock.now_ms()),
        )
    return result, False


def state(server: BridgedServer, manager: Manager, call: str, operation: str) -> str:
    """`done` or `none`: here nothing is ever half done."""
    return "none" if _row(server, manager, call, operation) is None else "done"


def _row(server: BridgedServer, manager: Manager, call: str, operation: str) -> tuple[str, str] | None:
    found: tuple[str, str] | None = server.db.execute(
        "SELECT digest, answer FROM operations WHERE manager = ? AND call = ? AND operation = ?",
        (manager.login, call, operation),
    ).fetchone()
    return found
