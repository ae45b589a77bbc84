"""Praxis' signatures: SHA-384 of values in a fixed order and the merchant secret, and JSON read so that they survive.

Not an HMAC, and not over the body: each call names its values and their order (docs.praxis.tech reference pages and
doc.praxiscashier.com, API 1.3). A number counts as it was written, so `read` keeps numbers as text.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

OPEN = ("merchant_id", "application_key", "timestamp", "intent", "cid", "order_id")
FIND_ORDER = ("merchant_id", "application_key", "timestamp", "order_id")
FIND_TRANSACTION = ("merchant_id", "application_key", "timestamp", "tid")
MANAGE = ("merchant_id", "application_key", "timestamp", "intent", "withdrawal_request_id")
# No page we could read gives this order: it is that of a direct payment (known from code) with the reference at its end.
REFUND = ("merchant_id", "application_key", "timestamp", "transaction_type", "cid", "order_id", "currency", "amount",
          "reference_id")  # fmt: skip
NOTIFICATION = ("merchant_id", "application_key", "timestamp", "customer.customer_token", "session.order_id",
                "transaction.tid", "transaction.currency", "transaction.amount", "transaction.conversion_rate",
                "transaction.processed_currency", "transaction.processed_amount")  # fmt: skip
VALIDATION = ("merchant_id", "application_key", "timestamp", "customer.customer_token", "session.order_id",
              "transaction_attempt.currency", "transaction_attempt.amount", "transaction_attempt.conversion_rate",
              "transaction_attempt.attempted_currency", "transaction_attempt.attempted_amount")  # fmt: skip
ANSWER = ("status", "timestamp")  # of ours to them, and of theirs to us when there is nothing else in it


class Written(str):
    """A number as it stood in the JSON."""

    __slots__ = ()


def read(body: bytes) -> Any:
    """JSON with its numbers as they were written. Raises ValueError."""
    return json.loads(body, parse_int=Written, parse_float=Written)


def at(message: Any, path: str) -> Any:
    for name in path.split("."):
        message = message.get(name) if isinstance(message, Mapping) else None
    return message


def signature(secret: str, message: Mapping[str, Any], order: tuple[str, ...]) -> str:
    """Null values are left out; nothing stands between the others."""
    values = [at(message, path) for path in order]
    text = "".join(str(value) for value in values if value is not None)
    return hashlib.sha384((text + secret).encode()).hexdigest()


def genuine(secret: str, message: Mapping[str, Any], order: tuple[str, ...], given: str) -> bool:
    """Whether `given` was made with the secret. An account without one believes nobody."""
    return bool(secret) and hmac.compare_digest(signature(secret, message, order), given.strip().lower())
