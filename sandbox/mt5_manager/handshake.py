"""Who is there: proofs of the shared secret in both directions."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from typing import Any

from sandbox.exchange.records import Manager
from sandbox.mt5_manager.refusals import Declined
from sandbox.mt5_manager.server import BridgedServer
from sandbox.mt5_manager.wire import time_ms, time_text

NAME, VERSIONS = "rialto-mt5-manager", (1,)
CLOCKS_MS = 300_000
_NONCE = re.compile(r"[0-9a-f]{64}")


def prove(secret: str, *, side: str, version: int, manager: int, certificate: str, said: tuple[str, ...]) -> str:
    """One side's proof. `said` is nonce and time of hello, then nonce and time of login."""
    text = "\n".join([NAME, str(version), side, str(manager), certificate, *said])
    return hmac.digest(secret.encode(), text.encode(), hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class Login:
    """What a client answers to the greeting."""

    version: int
    manager: int
    nonce: str
    time: str
    time_ms: int
    proof: str

    @classmethod
    def read(cls, message: dict[str, Any]) -> Login:
        """Declined for another version, and for what is no log-in."""
        version, manager, nonce = message.get("version"), message.get("manager"), message.get("nonce")
        if not isinstance(version, int) or version not in VERSIONS:
            raise Declined("version_unsupported", f"{version}")
        time, proof = message.get("time"), message.get("proof")
        try:
            moment = time_ms(time)
        except ValueError:
            raise Declined("authentication_failed", "time")
        told = isinstance(manager, int) and isinstance(nonce, str) and isinstance(proof, str)
        if message.get("type") != "login" or not told or not _NONCE.fullmatch(str(nonce)):
            raise Declined("authentication_failed", "not a log-in")
        return cls(version, int(manager or 0), str(nonce), str(time), moment, str(proof))


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the service said first on a connection. `certificate` is its own, SHA-256 in hex."""

    server: BridgedServer
    certificate: str
    nonce: str
    time: str

    @classmethod
    def new(cls, server: BridgedServer, certificate: str) -> Greeting:
        return cls(server, certificate, os.urandom(32).hex(), time_text(server.clock.now_ms()))

    @property
    def hello(self) -> dict[str, Any]:
        return {"type": "hello", "contract": NAME, "versions": list(VERSIONS), "nonce": self.nonce, "time": self.time}

    def answer(self, message: dict[str, Any]) -> tuple[Manager, str]:
        """Who this is, and our own proof for them. Declined."""
        login = Login.read(message)
        here = self.server.clock.now_ms()
        if login.nonce == self.nonce:
            raise Declined("authentication_failed", "our own nonce")
        if abs(login.time_ms - here) > CLOCKS_MS:
            raise Declined("clock_differs", f"here it is {time_text(here)}")
        manager = self.server.book.managers.get(login.manager)
        # Somebody unknown takes as long as somebody with the wrong secret.
        secret = manager.secret if manager else os.urandom(32).hex()
        proven = hmac.compare_digest(self._proof("client", secret, login).encode(), login.proof.encode())
        if manager is None or not proven:
            raise Declined("authentication_failed")
        spoiled = self.server.faults.take("wrong_proof", "login")
        return manager, self._proof("client" if spoiled else "service", secret, login)

    def _proof(self, side: str, secret: str, login: Login) -> str:
        said = (self.nonce, self.time, login.nonce, login.time)
        return prove(
            secret, side=side, version=login.version, manager=login.manager, certificate=self.certificate, said=said
        )
