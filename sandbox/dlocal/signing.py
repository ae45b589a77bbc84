"""dLocal's two signatures (docs.dlocal.com/reference/payins-security and …/payouts-security).

``V2-HMAC-SHA256`` covers X-Login, X-Date and the body, one after the other; ``Payload-Signature`` the body alone. Both are
lower-case hex of HMAC-SHA256 under the merchant's secret key. Notifications of payments, refunds and chargebacks carry
the first, those of payouts the second.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.dlocal.store import Store

SCHEME = "V2-HMAC-SHA256"
OLD = 600.0  # seconds


def request_signature(secret_key: str, login: str, date: str, body: bytes) -> str:
    mac = hmac.new(secret_key.encode(), login.encode(), hashlib.sha256)
    mac.update(date.encode())
    mac.update(body)
    return mac.hexdigest()


def payload_signature(secret_key: str, body: bytes) -> str:
    return hmac.new(secret_key.encode(), body, hashlib.sha256).hexdigest()


def given_signature(header: str) -> str:
    """The hex out of ``V2-HMAC-SHA256, Signature: <hex>``; empty if it is of another form."""
    scheme, _, rest = header.partition(",")
    name, _, value = rest.strip().partition(":")
    return value.strip() if scheme.strip() == SCHEME and name.strip() == "Signature" else ""


def timestamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class NotificationSender:
    """How a notification goes out."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        login = delivery["account"]
        key = self.store.merchant(login)["secret_key"] + ("!" if tamper else "")
        date = timestamp(now - OLD if old else now)
        headers = {"Content-Type": "application/json", "User-Agent": "dLocal sandbox", "X-Date": date, "X-Login": login}
        if delivery["kind"] == "payout":
            return {**headers, "Payload-Signature": payload_signature(key, delivery["body"])}
        signature = request_signature(key, login, date, delivery["body"])
        return {**headers, "Authorization": f"{SCHEME}, Signature: {signature}"}

    def accepts(self, status: int) -> bool:
        """Retried until 2xx (docs.dlocal.com/docs/receive-notifications)."""
        return 200 <= status < 300

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
