"""PayTabs' two signatures, both hex HMAC-SHA256 keyed with the profile's server key.

Callback and IPN sign the raw body (header ``Signature``). The browser's return post signs its own fields:
those that are not empty, sorted by name, form-encoded as PHP's http_build_query does (support.paytabs.com,
"How to verify the response received from PayTabs").
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from sandbox.paytabs.store import Store


def sign_body(server_key: str, body: bytes) -> str:
    return hmac.new(server_key.encode(), body, hashlib.sha256).hexdigest()


def sign_fields(server_key: str, fields: dict[str, str]) -> str:
    """PHP drops what it takes for empty, and "0" is among that."""
    kept = {name: fields[name] for name in sorted(fields) if fields[name] not in {"", "0"}}
    return sign_body(server_key, urlencode(kept).encode())


class CallbackSender:
    """How a callback or IPN goes out. There is no time in the signature, so nothing to be stale."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        key = self.store.profile(delivery["account"]).get("server_key", "")
        return {
            "Content-Type": "application/json",
            "User-Agent": "PayTabs/PT2",
            "Signature": sign_body(key + ("!" if tamper else ""), delivery["body"]),
        }

    def accepts(self, status: int) -> bool:
        """Retried until 200 (docs.paytabs.com, "How to configure IPN")."""
        return status == 200

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
