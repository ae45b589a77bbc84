"""Standard webhooks: items signed one by one, in a body of their own or several together.

The signature (docs.adyen.com, "Verify HMAC signatures") covers eight fields joined by colons and nothing else of an item;
the key is hexadecimal. The same text says that any 2xx acknowledges.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from sandbox._accounts import Accounts, Document


def sign(key: str, item: Document) -> str:
    """Base64 HMAC-SHA256 over the eight fields, "" where one is missing."""
    amount = item.get("amount") or {}
    fields = [
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    ]
    text = ":".join("" if value is None else str(value) for value in fields)
    return base64.b64encode(hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).digest()).decode()


def item(merchant: str, code: str, *, psp: str, reference: str, amount: Document, success: bool = True,
         original: str = "", reason: str = "", method: str = "", data: dict[str, str] | None = None) -> Document:  # fmt: skip
    """A notification item, unsigned."""
    made: Document = {
        "additionalData": dict(data or {}),
        "amount": amount,
        "eventCode": code,
        "eventDate": datetime.now(UTC).isoformat(timespec="seconds"),
        "merchantAccountCode": merchant,
        "merchantReference": reference,
        "paymentMethod": method,
        "pspReference": psp,
        "reason": reason,
        "success": "true" if success else "false",
    }
    if original:
        made["originalReference"] = original
    return made


def body_of(key: str, items: list[Document]) -> bytes:
    """The body as it goes over the wire."""
    signed = [
        {
            "NotificationRequestItem": {
                **one,
                "additionalData": {**one["additionalData"], "hmacSignature": sign(key, one)},
            }
        }
        for one in items
    ]
    return json.dumps({"live": "false", "notificationItems": signed}, ensure_ascii=False).encode()


def notify(store: Accounts, merchant: str, made: Document) -> None:
    """Queue one item, in the transaction of the change it tells of. A tampered one is signed with another key."""
    settings = store.settings(merchant)
    store.put(merchant, "items", {"id": f"{made['pspReference']}-{made['eventCode']}-{made['success']}", **made})
    if settings.get("webhook_url") and settings.get("hmac_key"):
        forged = store.deliveries.strike(merchant, "tamper_signature")
        body = body_of("00" * 32 if forged else settings["hmac_key"], [made])
        store.deliveries.enqueue(
            merchant, settings["webhook_url"], made["pspReference"], made["eventCode"], settings["webhook_url"], body
        )


def notify_together(store: Accounts, merchant: str, items: list[Document]) -> None:
    """Queue several items in one body, as Adyen may."""
    settings = store.settings(merchant)
    plain = [{name: value for name, value in one.items() if name not in {"id", "_created"}} for one in items]
    url = settings["webhook_url"]
    store.deliveries.enqueue(merchant, url, "several", "several", url, body_of(settings["hmac_key"], plain))


class Sender:
    """The signatures are in the body, which goes out as it was queued; headers carry none."""

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        return {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Adyen HttpClient 1.0"}

    def accepts(self, status: int) -> bool:
        return 200 <= status < 300

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
