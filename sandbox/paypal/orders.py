"""Orders, captures, refunds and payouts: what each may become, and the event that tells of it."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox.paypal.webhooks import publish, stamp

# developer.paypal.com/reports/reference/paypal-supported-currencies; the first three have no decimals at PayPal.
DECIMALS = {
    "HUF": 0, "JPY": 0, "TWD": 0,
    **dict.fromkeys(["AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK", "NZD",
                     "PHP", "PLN", "SEK", "SGD", "THB", "USD"], 2),
}  # fmt: skip
FEE = Decimal("0.0349")


class Refused(Exception):
    """Ends a request with PayPal's error body."""

    def __init__(self, status: int, name: str, issue: str = "", message: str = "", links: Any = None) -> None:
        super().__init__(name)
        self.status = status
        words = message or issue or name
        self.body: Document = {"name": name, "message": words, "debug_id": secrets.token_hex(6)}
        if issue:
            self.body["details"] = [{"issue": issue, "description": words}]
        if links:
            self.body["links"] = links


def identifier() -> str:
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(17))


def money(currency: str, amount: Decimal) -> Document:
    return {"currency_code": currency, "value": f"{amount.quantize(Decimal(1).scaleb(-DECIMALS[currency])):f}"}


def order_view(store: Accounts, account: str, order: Document, base: str) -> Document:
    """The order as the API shows it, with its captures and refunds."""
    captures = [one for one in store.all(account, "captures") if one["_order"] == order["id"]]
    mine = {one["id"] for one in captures}
    refunds = [one for one in store.all(account, "refunds") if one["_capture"] in mine]
    unit = dict(order["purchase_units"][0])
    if captures:
        unit["payments"] = {"captures": [shown(one) for one in captures]}
        if refunds:
            unit["payments"]["refunds"] = [shown(one) for one in refunds]
    view = {**shown(order), "purchase_units": [unit], "links": [
        {"href": f"{base}/v2/checkout/orders/{order['id']}", "rel": "self", "method": "GET"},
        {"href": order["_url"], "rel": "payer-action", "method": "GET"},
    ]}  # fmt: skip
    return view


def shown(document: Document) -> Document:
    return {name: value for name, value in document.items() if not name.startswith("_")}


def approve(store: Accounts, account: str, order: Document, *, email: str, declined: bool = False) -> Document | None:
    """The payer agrees. A declined instrument shows only when the order is captured."""
    if order["status"] not in {"PAYER_ACTION_REQUIRED", "APPROVED"}:
        return None
    payer = {"email_address": email, "payer_id": identifier()[:13], "address": {"country_code": "DE"},
             "name": {"given_name": "Lena", "surname": "Vogt"}}  # fmt: skip
    order |= {"status": "APPROVED", "payer": payer, "update_time": stamp(), "_declined": declined}
    order["_approvals"] = order.get("_approvals", 0) + 1
    order["update_time"] = f"{order['update_time'][:-1]}.{order['_approvals']:03d}Z"
    store.put(account, "orders", order)
    publish(
        store, account, "CHECKOUT.ORDER.APPROVED", "checkout-order", "An order has been approved by buyer", shown(order)
    )
    return order


def capture(store: Accounts, account: str, order: Document, base: str, *, hold: bool = False) -> Document:
    """Take the money of an approved order. Raises Refused as PayPal does."""
    if order["status"] == "COMPLETED":
        raise Refused(422, "UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED")
    if order["status"] != "APPROVED":
        raise Refused(422, "UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED")
    if order.get("_declined"):
        store.put(account, "orders", {**order, "status": "PAYER_ACTION_REQUIRED", "_declined": False})
        raise Refused(422, "UNPROCESSABLE_ENTITY", "INSTRUMENT_DECLINED")
    unit = order["purchase_units"][0]
    currency, value = unit["amount"]["currency_code"], Decimal(unit["amount"]["value"])
    fee = (value * FEE).quantize(Decimal(1).scaleb(-DECIMALS[currency]))
    name = identifier()
    made: Document = {
        "id": name,
        "status": "PENDING" if hold else "COMPLETED",
        "amount": money(currency, value),
        "custom_id": unit.get("custom_id", ""),
        "final_capture": True,
        "seller_receivable_breakdown": {
            "gross_amount": money(currency, value),
            "paypal_fee": money(currency, fee),
            "net_amount": money(currency, value - fee),
        },
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "links": [{"href": f"{base}/v2/payments/captures/{name}", "rel": "self", "method": "GET"}],
        "_order": order["id"],
        "_base": base,
    }
    if hold:
        made["status_details"] = {"reason": "PENDING_REVIEW"}
    store.put(account, "captures", made)
    store.put(account, "orders", {**order, "status": "COMPLETED", "update_time": stamp()})
    _tell_capture(store, account, made)
    return made


def _tell_capture(store: Accounts, account: str, made: Document) -> None:
    publish(store, account, f"PAYMENT.CAPTURE.{made['status']}", "capture", "Payment news", shown(made))


def decide(store: Accounts, account: str, made: Document, *, good: bool) -> Document | None:
    """PayPal's word on a pending capture."""
    if made["status"] != "PENDING":
        return None
    made["status"] = "COMPLETED" if good else "DECLINED"
    store.put(account, "captures", made)
    _tell_capture(store, account, made)
    return made


def reverse(store: Accounts, account: str, made: Document) -> Document | None:
    """The payer's bank, or PayPal, takes the money back. The resource is a refund that points up at its capture."""
    if made["status"] != "COMPLETED":
        return None
    store.put(account, "captures", {**made, "_reversed": True})
    resource = {"id": identifier(), "status": "COMPLETED", "amount": made["amount"], "links": [_up(made)]}
    publish(store, account, "PAYMENT.CAPTURE.REVERSED", "refund", "A payment was reversed", resource)
    return made


def resolve(store: Accounts, account: str, made: Document, *, won: bool) -> Document:
    """A card's chargeback is decided."""
    resource = {
        "dispute_id": f"PP-D-{secrets.randbelow(90000) + 10000}",
        "disputed_transactions": [{"seller_transaction_id": made["id"], "custom": made["custom_id"]}],
        "reason": "UNAUTHORISED",
        "status": "RESOLVED",
        "dispute_amount": made["amount"],
        "dispute_outcome": {"outcome_code": "RESOLVED_SELLER_FAVOUR" if won else "RESOLVED_BUYER_FAVOUR"},
        "dispute_channel": "EXTERNAL",
    }
    publish(store, account, "CUSTOMER.DISPUTE.RESOLVED", "dispute", "A dispute was resolved", resource)
    return made


def _up(made: Document) -> Document:
    return {"href": f"{made['_base']}/v2/payments/captures/{made['id']}", "rel": "up", "method": "GET"}


def refund(store: Accounts, account: str, made: Document, values: Document) -> Document:
    """Raises Refused when there is not so much left."""
    currency = made["amount"]["currency_code"]
    before = [
        one for one in store.all(account, "refunds") if one["_capture"] == made["id"] and one["status"] != "FAILED"
    ]
    left = Decimal(made["amount"]["value"]) - sum((Decimal(one["amount"]["value"]) for one in before), Decimal(0))
    if made["status"] not in {"COMPLETED", "PARTIALLY_REFUNDED"}:
        raise Refused(422, "UNPROCESSABLE_ENTITY", "CAPTURE_FULLY_REFUNDED" if not left else "INVALID_CAPTURE_STATUS")
    amount = values["amount"] or money(currency, left)
    if amount["currency_code"] != currency:
        raise Refused(422, "UNPROCESSABLE_ENTITY", "REFUND_CAPTURE_CURRENCY_MISMATCH")
    if Decimal(amount["value"]) > left:
        raise Refused(422, "UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED")
    hold = bool(store.settings(account).get("hold_refunds"))
    given: Document = {
        "id": identifier(),
        "status": "PENDING" if hold else "COMPLETED",
        "amount": amount,
        "links": [_up(made)],
        "_capture": made["id"],
        **{name: values[name] for name in ("custom_id", "invoice_id", "note_to_payer") if values.get(name)},
    }
    store.put(account, "refunds", given)
    if Decimal(amount["value"]) == left:
        made["status"] = "REFUNDED"
    store.put(account, "captures", made)
    name = "PAYMENT.REFUND.PENDING" if hold else "PAYMENT.CAPTURE.REFUNDED"
    publish(store, account, name, "refund", "A refund", shown(given))
    return given


def refund_decide(store: Accounts, account: str, given: Document, *, good: bool) -> Document | None:
    if given["status"] not in {"PENDING", "COMPLETED"} or (good and given["status"] == "COMPLETED"):
        return None
    given["status"] = "COMPLETED" if good else "FAILED"
    store.put(account, "refunds", given)
    name = "PAYMENT.CAPTURE.REFUNDED" if good else "PAYMENT.REFUND.FAILED"
    publish(store, account, name, "refund", "A refund", shown(given))
    return given
