"""Praxis' signatures (API 1.3): hex SHA-384 of named values in a documented order, then the merchant's secret.

Values are joined without anything between them and null ones are left out (doc.praxiscashier.com, "Authentication",
"Webhooks Notification", "Webhooks Validation"). The order differs by call and is written out below.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.praxis.store import Store

OUR_ANSWER = ("status", "timestamp", "customer.customer_token", "transaction.tid", "transaction.transaction_status",
              "transaction.processed_currency", "transaction.processed_amount")  # fmt: skip
CASHIER_ANSWER = ("status", "timestamp", "redirect_url", "customer.customer_token")
REQUESTS = {
    "cashier": ("merchant_id", "application_key", "timestamp", "intent", "cid", "order_id"),
    "find-order": ("merchant_id", "application_key", "timestamp", "order_id"),
    "find-transaction": ("merchant_id", "application_key", "timestamp", "tid"),
    "manage": ("merchant_id", "application_key", "timestamp", "intent", "withdrawal_request_id"),
    # The one order no source gave: that of a direct payment, with the reference at its end.
    "refund": ("merchant_id", "application_key", "timestamp", "transaction_type", "cid", "order_id", "currency",
               "amount", "reference_id"),
}  # fmt: skip
NOTIFICATION = ("merchant_id", "application_key", "timestamp", "customer.customer_token", "session.order_id",
                "transaction.tid", "transaction.currency", "transaction.amount", "transaction.conversion_rate",
                "transaction.processed_currency", "transaction.processed_amount")  # fmt: skip
VALIDATION = ("merchant_id", "application_key", "timestamp", "customer.customer_token", "session.order_id",
              "transaction_attempt.currency", "transaction_attempt.amount", "transaction_attempt.conversion_rate",
              "transaction_attempt.attempted_currency", "transaction_attempt.attempted_amount")  # fmt: skip
ACKNOWLEDGEMENT = ("status", "timestamp")


def sign(secret: str, message: dict[str, Any], order: tuple[str, ...]) -> str:
    """The signature of ``message``; a dot in a name goes into a nested object."""
    text = "".join(str(value) for value in (_reach(message, name) for name in order) if value is not None)
    return hashlib.sha384((text + secret).encode()).hexdigest()


def _reach(message: dict[str, Any], path: str) -> Any:
    value: Any = message
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def complaint(secret: str, answer: bytes, headers: dict[str, str]) -> str | None:
    """What is wrong with the merchant's answer to a notification; None when it is an acknowledgement.

    It has to be JSON with a whole status 0, and signed in either of the headers the two generations of pages name.
    """
    try:
        message = json.loads(answer)
    except ValueError:
        return "the answer is not JSON"
    if not isinstance(message, dict) or type(message.get("status")) is not int:
        return "the answer has no status"
    if message["status"] != 0:
        return f"the merchant answered status {message['status']}"
    expected = sign(secret, message, ACKNOWLEDGEMENT)
    given = [headers.get(name, "") for name in ("gt-authentication", "external-request-signature")]
    if not any(hmac.compare_digest(expected, one) for one in given):
        return "the answer is not signed"
    return None


class NotificationSender:
    """How a notification goes out. Its signature holds the message's own time, so it cannot be made old."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def _secret(self, delivery: Any) -> str:
        return str(self.store.merchant(delivery["account"]).get("merchant_secret", ""))

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        secret = self._secret(delivery) + ("!" if tamper else "")
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Praxis GT API Agent v1.3",
            "Gt-Authentication": sign(secret, json.loads(delivery["body"]), NOTIFICATION),
        }

    def accepts(self, status: int) -> bool:
        return status == 200

    def refusal(self, delivery: Any, answer: Any) -> str | None:
        return complaint(self._secret(delivery), answer.content, dict(answer.headers))

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
