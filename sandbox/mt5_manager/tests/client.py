"""A client of the contract for the stand-in's own tests: blocking, and written without a look at any other."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import socket
import ssl
from datetime import UTC, datetime
from typing import Any

MANAGER, SECRET = 1000, "a secret that only these tests know of"
RIGHTS = dict.fromkeys(
    ("can_log_in", "can_trade", "can_change_password", "can_use_experts", "can_trail_stops", "gets_reports"), True
)
Message = dict[str, Any]


class Wire:
    """One connection, greeted but not logged in."""

    def __init__(self, port: int, ca_file: str, server: str) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        raw = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket = context.wrap_socket(raw, server_hostname=f"{server}.mt5-manager.localhost")
        self.certificate = hashlib.sha256(self.socket.getpeercert(binary_form=True) or b"").hexdigest()
        self.pushed: list[Message] = []
        self._ids = itertools.count(1)
        self.hello = self.read()

    def send(self, message: Message | bytes) -> None:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.socket.sendall(len(body).to_bytes(4, "big") + body)

    def read(self) -> Message:
        """The next message; ConnectionError when there is none."""
        found: Message = json.loads(self._exactly(int.from_bytes(self._exactly(4), "big")))
        return found

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data

    def proof(self, side: str, login: Message, secret: str) -> str:
        said = (self.hello["nonce"], self.hello["time"], login["nonce"], login["time"])
        lines = ("rialto-mt5-manager", "1", side, str(login["manager"]), self.certificate, *said)
        return hmac.digest(secret.encode(), "\n".join(lines).encode(), "sha256").hex()

    def login(self, manager: int = MANAGER, secret: str = SECRET, **changes: Any) -> Message:
        """What the service says to it. `changes` come after the proof was made."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {"type": "login", "version": 1, "manager": manager, "nonce": os.urandom(32).hex(), "time": now}
        message["proof"] = self.proof("client", message, secret)
        self.own = {**message, **changes}
        self.send(self.own)
        return self.read()

    def ask(self, call: str, operation: str | None = None, /, **args: Any) -> Message:
        """The whole answer; what is pushed meanwhile is kept."""
        number = next(self._ids)
        extra = {} if operation is None else {"operation": operation}
        self.send({"type": "request", "id": number, "call": call, "args": args, **extra})
        while (message := self.read()).get("id") != number:
            self.pushed.append(message)
        return message

    def done(self, call: str, operation: str | None = None, /, **args: Any) -> Message:
        """The result of a call that must succeed."""
        answer = self.ask(call, operation, **args)
        assert "error" not in answer, answer
        result: Message = answer["result"]
        return result

    def refused(self, call: str, operation: str | None = None, /, **args: Any) -> str:
        """The name of the error of a call that must be refused."""
        name: str = self.ask(call, operation, **args)["error"]["name"]
        return name

    def open_account(self, operation: str, **changes: Any) -> Message:
        texts = dict.fromkeys(("company", "city", "state", "zip_code", "address", "comment"), "")
        account = {
            "group": "real\\std-usd",
            "name": "Ada Lovelace",
            "leverage": 100,
            "rights": RIGHTS,
            **texts,
            "external_id": operation,
            "password": "Wald-Ufer7",
            "investor_password": "Nur-Lesen8",
            "login": 0,
            "country": "Norway",
            "phone": "+47 22",
            "email": "ada@example.test",
            "agent": 0,
            **changes,
        }
        return self.ask("accounts.open", operation, account=account)
