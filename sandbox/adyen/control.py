"""What can be decided on the control page and over its JSON API."""

from __future__ import annotations

from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox._panel import Panel, Shown
from sandbox.adyen import payments
from sandbox.adyen.notifications import notify_together

EVENTS = frozenset(
    ["CHARGEBACK", "CHARGEBACK_REVERSED", "NOTIFICATION_OF_CHARGEBACK", "CANCELLATION", "CAPTURE_FAILED", "CAPTURE",
     "SECOND_CHARGEBACK"]
)  # fmt: skip
WITHOUT = frozenset({"old_timestamp"})  # the signature has no time


def panel(store: Accounts) -> Panel:
    def act(merchant: str, kind: str, document: Document, action: str, values: dict[str, Any]) -> Document | None:
        match kind, action:
            case "links", "pay":
                return _pay(store, merchant, document, values)
            case "payments", "settle":
                return payments.settle(store, merchant, document, good=values.get("outcome") != "refuse")
            case "payments", code if code in EVENTS:
                return payments.about(store, merchant, document, code, values)
            case "payments", "refund":
                amount = {**document["amount"], "value": int(values.get("value") or document["amount"]["value"])}
                return payments.refund(store, merchant, document, amount, "")
            case "refunds", "process":
                return payments.process(store, merchant, document)
            case "refunds", "fail":
                return payments.fail_refund(store, merchant, document)
            case "items", "together":
                notify_together(store, merchant, store.all(merchant, "items"))
                return document
        return None

    return Panel(
        service="Adyen sandbox",
        store=store,
        settings=("api_key", "hmac_key", "webhook_url", "business_name", "hold_refunds"),
        without=WITHOUT,
        act=act,
        kinds={
            "links": Shown("Payment links", ["reference", "amount", "status"], link=lambda link: f"/pay/{link['id']}"),
            "payments": Shown("Payments", ["merchantReference", "amount", "method", "status"], _payment_buttons),
            "refunds": Shown("Refunds", ["reference", "paymentPspReference", "amount", "_state"], _refund_buttons),
            "items": Shown("Notification items", ["eventCode", "success", "merchantReference"], lambda item: [
                ("Send all in one body", "together", {})
            ]),
        },
    )  # fmt: skip


def _pay(store: Accounts, merchant: str, link: Document, values: dict[str, Any]) -> Document | None:
    """As the payer would: `method` (a type), `outcome` (Authorised, Refused, Pending), `reason`."""
    link = payments.aged(store, merchant, link)
    outcome = str(values.get("outcome", "Authorised"))
    if link["status"] != "active" or outcome not in {"Authorised", "Refused", "Pending"}:
        return None
    method = str(values.get("method", "visa"))
    reason = str(values.get("reason", "Refused")) if outcome == "Refused" else ""
    last4 = "1111" if method in {"visa", "mc"} else ""
    return payments.attempt(store, merchant, link, method=method, outcome=outcome, reason=reason, last4=last4)


def _payment_buttons(payment: Document) -> list[tuple[str, str, dict[str, str]]]:
    if payment["status"] == "Pending":
        return [("Authorise", "settle", {}), ("Refuse", "settle", {"outcome": "refuse"})]
    if payment["status"] != "Authorised":
        return []
    return [
        ("Chargeback", "CHARGEBACK", {}),
        ("Reverse the chargeback", "CHARGEBACK_REVERSED", {}),
        ("Cancel", "CANCELLATION", {}),
        ("Refund", "refund", {}),
    ]


def _refund_buttons(refund: Document) -> list[tuple[str, str, dict[str, str]]]:
    action = {"received": "process", "refunded": "fail"}.get(refund["_state"])
    return [(action.title(), action, {})] if action else []
