"""What can be decided on the control page and over its JSON API."""

from __future__ import annotations

from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox._panel import Panel, Shown
from sandbox.paypal import orders, payouts


def panel(store: Accounts) -> Panel:
    def act(account: str, kind: str, document: Document, action: str, values: dict[str, Any]) -> Document | None:
        match kind, action:
            case "orders", "approve":
                email = str(values.get("email") or "lena.vogt@example.com")
                declined = str(values.get("declined", "")).lower() in {"true", "1"}
                return orders.approve(store, account, document, email=email, declined=declined)
            case "captures", "decide":
                return orders.decide(store, account, document, good=values.get("outcome") != "refuse")
            case "captures", "reverse":
                return orders.reverse(store, account, document)
            case "captures", "resolve":
                return orders.resolve(store, account, document, won=values.get("outcome") != "lost")
            case "captures", "refund":
                return orders.refund(store, account, document, {"amount": values.get("amount")})
            case "refunds", "decide":
                return orders.refund_decide(store, account, document, good=values.get("outcome") != "refuse")
            case "payouts", "settle":
                return payouts.settle(store, account, document, str(values.get("status", "SUCCESS")))
        return None

    return Panel(
        service="PayPal sandbox",
        store=store,
        settings=("client_secret", "business_name", "hold_captures", "hold_refunds"),
        act=act,
        kinds={
            "orders": Shown("Orders", ["status", "purchase_units"], link=lambda order: f"/checkoutnow/{order['id']}"),
            "captures": Shown("Captures", ["status", "amount", "custom_id"], _capture_buttons),
            "refunds": Shown("Refunds", ["status", "amount", "custom_id"], _refund_buttons),
            "payouts": Shown("Payouts", ["items"], _payout_buttons),
            "events": Shown("Events", ["event_type"]),
            "webhooks": Shown("Webhooks", ["url"]),
        },
    )


def _capture_buttons(made: Document) -> list[tuple[str, str, dict[str, str]]]:
    if made["status"] == "PENDING":
        return [("Complete", "decide", {}), ("Decline", "decide", {"outcome": "refuse"})]
    if made["status"] != "COMPLETED":
        return []
    return [("Reverse", "reverse", {}), ("Win the dispute", "resolve", {}), ("Refund", "refund", {})]


def _refund_buttons(given: Document) -> list[tuple[str, str, dict[str, str]]]:
    done = [("Complete", "decide", dict[str, str]())] if given["status"] == "PENDING" else []
    return done if given["status"] == "FAILED" else [*done, ("Fail", "decide", {"outcome": "refuse"})]


def _payout_buttons(batch: Document) -> list[tuple[str, str, dict[str, str]]]:
    if batch["items"][0]["transaction_status"] in payouts.FINAL:
        return []
    return [(name.title(), "settle", {"status": name}) for name in ("SUCCESS", "UNCLAIMED", "FAILED", "RETURNED")]
