"""Tap's ``hashstring`` (developers.tap.company/docs/webhook): hex HMAC-SHA256 under the secret key of

    x_id{id}x_amount{amount}x_currency{currency}x_gateway_reference{reference.gateway}
    x_payment_reference{reference.payment}x_status{status}x_created{transaction.created}

in one line. The amount has all decimals of its currency (KWD 1.500). A refund has its own ``created``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.tap.store import Store

DECIMALS = {
    "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "AED": 2, "SAR": 2, "QAR": 2, "EGP": 2, "USD": 2, "EUR": 2, "GBP": 2,
}  # fmt: skip


def text_to_hash(item: dict[str, Any]) -> str:
    references = item.get("reference", {})
    created = item["transaction"]["created"] if "transaction" in item else item["created"]
    amount = Decimal(str(item["amount"])).quantize(Decimal(1).scaleb(-DECIMALS[item["currency"]]))
    fields = [
        ("id", item["id"]),
        ("amount", amount),
        ("currency", item["currency"]),
        ("gateway_reference", references.get("gateway", "")),
        ("payment_reference", references.get("payment", "")),
        ("status", item["status"]),
        ("created", created),
    ]
    return "".join(f"x_{name}{value}" for name, value in fields)


def hashstring(secret_key: str, text: str) -> str:
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


class WebhookSender:
    """How a webhook goes out. It holds no time of its own, so it cannot be old."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        key = self.store.account(delivery["account"])["secret_key"] + ("!" if tamper else "")
        signed = hashstring(key, text_to_hash(json.loads(delivery["body"])))
        return {"Content-Type": "application/json", "User-Agent": "Tap sandbox", "hashstring": signed}

    def accepts(self, status: int) -> bool:
        return 200 <= status < 300

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
