"""Payouts: one batch, its items, and what becomes of each."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox.paypal.orders import DECIMALS, Refused, identifier
from sandbox.paypal.webhooks import publish, stamp

EVENTS = {
    "SUCCESS": "SUCCEEDED", "FAILED": "FAILED", "UNCLAIMED": "UNCLAIMED", "RETURNED": "RETURNED", "BLOCKED": "BLOCKED",
    "REFUNDED": "REFUNDED", "ONHOLD": "HELD",
}  # fmt: skip
FINAL = frozenset({"FAILED", "RETURNED", "BLOCKED", "REFUNDED"})


def create(store: Accounts, account: str, values: Document, base: str) -> Document:
    header = values.get("sender_batch_header")
    items = values.get("items")
    if not isinstance(header, dict) or not isinstance(items, list) or len(items) != 1:
        raise Refused(400, "VALIDATION_ERROR", "sender_batch_header and one item are required here")
    sender = header.get("sender_batch_id")
    if not isinstance(sender, str) or not 0 < len(sender) <= 256:
        raise Refused(400, "VALIDATION_ERROR", "sender_batch_id is required")
    known = next(
        (one for one in store.all(account, "payouts")
         if one["batch_header"]["sender_batch_header"]["sender_batch_id"] == sender),
        None,
    )  # fmt: skip
    if known:
        link = {"href": f"{base}/v1/payments/payouts/{known['id']}", "rel": "self", "method": "GET"}
        raise Refused(
            400, "USER_BUSINESS_ERROR", message="Batch with given sender_batch_id already exists", links=[link]
        )  # fmt: skip
    item = _item(items[0])
    batch = identifier()[:13]
    made: Document = {
        "id": batch,
        "batch_header": {
            "payout_batch_id": batch,
            "batch_status": "PENDING",
            "time_created": stamp(),
            "sender_batch_header": header,
        },
        "items": [
            {"payout_item_id": identifier()[:13], "payout_batch_id": batch, "transaction_status": "PENDING",
             "payout_item_fee": {"currency": item["amount"]["currency"], "value": "0"}, "payout_item": item}
        ],
    }  # fmt: skip
    return store.put(account, "payouts", made)


def _item(item: Any) -> Document:
    if not isinstance(item, dict) or item.get("recipient_type") != "EMAIL":
        raise Refused(400, "VALIDATION_ERROR", "recipient_type: only EMAIL here")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(item.get("receiver", ""))):
        raise Refused(400, "VALIDATION_ERROR", "receiver is invalid")
    if len(str(item.get("sender_item_id", ""))) > 63:
        raise Refused(400, "VALIDATION_ERROR", "sender_item_id is too long")
    amount = item.get("amount")
    if not isinstance(amount, dict) or amount.get("currency") not in DECIMALS:
        raise Refused(400, "VALIDATION_ERROR", "amount.currency is not supported")
    if not positive(amount.get("value"), amount["currency"]):
        raise Refused(400, "VALIDATION_ERROR", "amount.value is invalid")
    return dict(item)


def positive(value: Any, currency: str) -> bool:
    """Text of digits, above nothing, with no more decimals than the currency has at PayPal."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,3})?", value):
        return False
    amount = Decimal(value)
    return amount > 0 and amount == amount.quantize(Decimal(1).scaleb(-DECIMALS[currency]))


def settle(store: Accounts, account: str, batch: Document, status: str) -> Document | None:
    """Move the item to a status and tell of it."""
    item = batch["items"][0]
    if status not in EVENTS or item["transaction_status"] in FINAL:
        return None
    item["transaction_status"] = status
    if status == "SUCCESS":
        currency = item["payout_item"]["amount"]["currency"]
        item["payout_item_fee"] = {"currency": currency, "value": "1" if not DECIMALS[currency] else "0.25"}
        item["transaction_id"] = identifier()
    if status in FINAL:
        item["errors"] = {"name": "RECEIVER_UNREGISTERED", "message": f"Receiver is unregistered ({status.lower()})"}
    batch["batch_header"]["batch_status"] = "SUCCESS"
    store.put(account, "payouts", batch)
    name = f"PAYMENT.PAYOUTS-ITEM.{EVENTS[status]}"
    publish(store, account, name, "payouts_item", "A payout item", {**item, "sender_batch_id": sender_of(batch)})
    return batch


def sender_of(batch: Document) -> str:
    return str(batch["batch_header"]["sender_batch_header"]["sender_batch_id"])
