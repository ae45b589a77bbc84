"""CryptoProcessing's signature, both ways: hex HMAC-SHA512 of the exact body with the secret key.

docs.cryptoprocessing.com, "Authentication" and "Callbacks overview"; the published example is in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.cryptoproc.store import Store


def sign(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


class CallbackSender:
    """How a callback goes out. There is no time in the signature, so nothing to be stale."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        secret = str(self.store.merchant(delivery["account"]).get("secret_key", ""))
        return {
            "Content-Type": "application/json",
            "User-Agent": "CryptoProcessing",
            "X-Processing-Key": delivery["account"],
            "X-Processing-Signature": sign(secret + ("!" if tamper else ""), delivery["body"]),
        }

    def accepts(self, status: int) -> bool:
        return status == 200

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
