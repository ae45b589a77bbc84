"""A bare Web API client for the tests, with its own hashing: nothing here is taken from the server."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import ssl
from typing import Any
from urllib.parse import urlencode

PASSWORD = "Password1"
MANAGER = 1000


def password_digest(password: str) -> bytes:
    """MD5(MD5(UTF-16LE password) + "WebAPI")."""
    return hashlib.md5(hashlib.md5(password.encode("utf-16-le")).digest() + b"WebAPI").digest()


def answer_to(password: str, challenge: str) -> str:
    """The proof for a challenge given in hex."""
    return hashlib.md5(password_digest(password) + bytes.fromhex(challenge)).hexdigest()


class Wire(http.client.HTTPSConnection):
    """One TLS connection to a named trading server; never reconnects by itself."""

    auto_open = 0

    def __init__(self, port: int, ca: str, server: str, timeout: float = 20.0) -> None:
        context = ssl.create_default_context(cafile=ca)
        super().__init__(f"{server}.mt5.localhost", port, context=context, timeout=timeout)
        self._verified = context
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock = context.wrap_socket(plain, server_hostname=f"{server}.mt5.localhost")

    def raw(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> tuple[int, bytes]:
        """Status and body of one request."""
        target = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body).encode() if body is not None else None
        self.request("POST" if data else "GET", target, body=data, headers={"Connection": "keep-alive"})
        response = self.getresponse()
        return response.status, response.read()

    def call(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """The JSON of a request that must be answered with 200."""
        status, data = self.raw(path, body, **query)
        assert status == 200, (status, data)
        answer: dict[str, Any] = json.loads(data)
        return answer

    def done(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """The `answer` of a request that must succeed."""
        answer = self.call(path, body, **query)
        assert answer["retcode"] == "0 Done", answer
        return answer.get("answer")

    def code(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> int:
        """The return code's number."""
        return int(self.call(path, body, **query)["retcode"].split()[0])

    def start(self, login: int = MANAGER) -> dict[str, Any]:
        """auth/start."""
        return self.call("/api/auth/start", version=1290, agent="tests", login=login, type="manager")

    def log_in(self, login: int = MANAGER, password: str = PASSWORD) -> Wire:
        """Authenticate and check the server's proof."""
        challenge = os.urandom(16).hex()
        proof = answer_to(password, self.start(login)["srv_rand"])
        answer = self.call("/api/auth/answer", srv_rand_answer=proof, cli_rand=challenge)
        assert answer["cli_rand_answer"] == answer_to(password, challenge)
        return self

    def open_account(self, group: str = "real\\std-usd", deposit: str | None = None, leverage: int = 100) -> int:
        """A new account's login."""
        body = {"PassMain": "1Ar#pqkj", "PassInvestor": "2Ar#pqkj"}
        answer = self.call("/api/user/add", body, group=group, name="Jane Doe", leverage=leverage)
        assert answer["retcode"] == "0 Done", answer
        login = int(answer["login"])
        if deposit is not None:
            self.done("/api/trade/balance", login=login, type=2, balance=deposit, comment="deposit")
        return login

    def balance(self, login: int) -> str:
        """The account's balance as the wire shows it."""
        return str(self.done("/api/user/account/get", login=login)["Balance"])

    def deals(self, login: int) -> list[dict[str, str]]:
        """All deals of an account."""
        rows: list[dict[str, str]] = self.done(
            "/api/deal/get_batch", login=login, **dict[str, Any]({"from": 0, "to": 1 << 33})
        )
        return rows
