"""Payments, their refunds and chargebacks: what may be asked for, and how each comes to its end.

Amounts are kept as text with the country's decimals and written as JSON numbers.
"""

from __future__ import annotations

import json
import secrets
import uuid
from decimal import Decimal
from typing import Any

from sandbox.dlocal.errors import Refused, address, amount, invalid, missing, number, text
from sandbox.dlocal.markets import DECIMALS, MARKETS, REFUNDED_AT_ONCE, WAYS, document_fits
from sandbox.dlocal.store import Item, Store, date, now, public

# status, code, detail (docs.dlocal.com/reference/payment-status-codes)
PENDING = ("PENDING", "100", "The payment is pending.")
PAID = ("PAID", "200", "The payment was paid.")
CANCELLED = ("CANCELLED", "400", "The payment was cancelled.")
DECLINED = ("REJECTED", "301", "Rejected by bank.")
UNVERIFIED = ("REJECTED", "320", "3D-Secure is required.")
# The sandbox's cards; others are rejected by the bank.
CARDS = {
    "4111111111111111": PAID,
    "5555555555554444": PAID,
    "4000000000000002": DECLINED,
    "4000000000009995": ("REJECTED", "302", "Insufficient amount."),
    "4000000000000069": ("REJECTED", "309", "Card expired."),
    "4000000000000127": ("REJECTED", "315", "Invalid security code."),
    "4100000000000019": ("REJECTED", "317", "Rejected due to high risk."),
    "4000000000000119": ("REJECTED", "321", "Error in acquirer."),
    "4000000000003220": PAID,
}
AUTHENTICATED = frozenset({"4000000000003220"})
REFUND_DETAILS = {
    "PENDING": (100, "The refund is pending."),
    "SUCCESS": (200, "The refund was paid."),
    "REJECTED": (300, "The refund was rejected."),
}
CHARGEBACK_DETAILS = {
    "COMPLETED": ("200", "The chargeback was executed."),
    "REVERSAL": ("700", "The chargeback dispute was won."),
}


def create(store: Store, login: str, values: dict[str, Any], base_url: str) -> Item:
    """``POST /payments`` with a page; direct flows are not here."""
    country = text(values, "country", 2)
    if country not in MARKETS:
        raise Refused(400, 5003, "Country not supported.")
    currency = text(values, "currency", 3)
    if currency not in DECIMALS or currency not in (MARKETS[country].currency, "USD"):
        raise Refused(400, 5004, "Currency not allowed for this country.")
    written = amount(values.get("amount"), currency)
    way = WAYS.get(text(values, "payment_method_id", 10))
    if way is None or country not in way.countries:
        raise Refused(400, 5010, "Method not available.")
    if text(values, "payment_method_flow", 20) != "REDIRECT":
        raise Refused(400, 5013, "Unsupported operation.")
    order = text(values, "order_id", 128)
    if store.by_ours(login, "payment", order):
        raise Refused(400, 5009, "Order ID is duplicated.", "order_id")
    page = secrets.token_urlsafe(24)
    payment = {
        "id": f"D-4-{uuid.uuid4()}",
        "amount": number(written),
        "currency": currency,
        "country": country,
        "payment_method_id": way.identifier,
        "payment_method_type": way.kind,
        "payment_method_flow": "REDIRECT",
        "payer": _payer(values, country),
        "order_id": order,
        "description": text(values, "description", 100, needed=False),
        "notification_url": address(values, "notification_url"),
        "callback_url": address(values, "callback_url"),
        "created_date": date(now()),
        "redirect_url": f"{base_url}/collect/{page}",
        "_amount": written,
        "_created": now(),
        "_page": page,
        "_language": MARKETS[country].language,
    }
    _set(payment, PENDING)
    return store.add(login, "payment", payment, order)


def _payer(values: dict[str, Any], country: str) -> dict[str, Any]:
    payer = values.get("payer")
    if payer is None:
        raise missing("payer")
    if not isinstance(payer, dict):
        raise invalid("payer")
    kept: dict[str, Any] = {"name": text(payer, "name"), "email": text(payer, "email")}
    for name in ("phone", "document", "user_reference", "ip"):
        if given := text(payer, name, needed=False):
            kept[name] = given
    if "document" in kept and not document_fits(country, kept["document"]):
        raise invalid("payer.document")
    return kept


def _set(payment: Item, outcome: tuple[str, str, str]) -> None:
    payment["status"], payment["status_code"], payment["status_detail"] = outcome


def is_open(payment: Item) -> bool:
    return bool(payment["status"] == "PENDING")


def finish(store: Store, login: str, payment: Item, outcome: tuple[str, str, str]) -> None:
    """Give the payment its end and tell the merchant; an end stays as it is."""
    if not is_open(payment):
        return
    _set(payment, outcome)
    payment.pop("redirect_url", None)
    if outcome is PAID or outcome[0] == "PAID":
        payment["approved_date"] = date(now())
    store.update(login, payment)
    notify(store, login, "payment", payment, payment["notification_url"])


def pay_by_card(store: Store, login: str, payment: Item, card: dict[str, str]) -> str:
    """The payer presses "pay". ``verify`` if the bank wants a word first, else ``done``."""
    digits = card["number"]
    payment["card"] = {
        "holder_name": card["name"],
        "expiration_month": int(card["month"]),
        "expiration_year": int(card["year"]),
        "brand": "VI" if digits.startswith("4") else "MC",
        "last4": digits[-4:],
    }
    store.update(login, payment)
    if digits in AUTHENTICATED:
        return "verify"
    finish(store, login, payment, CARDS.get(digits, DECLINED))
    return "done"


def order_of(payment: Item) -> Item:
    """The order object (docs.dlocal.com/reference/the-order-object)."""
    names = (
        "order_id",
        "currency",
        "amount",
        "created_date",
        "approved_date",
        "status",
        "status_code",
        "status_detail",
    )
    return {"payment_id": payment["id"], **{name: payment[name] for name in names if name in payment}}


def refund(store: Store, login: str, values: dict[str, Any]) -> Item:
    payment = store.find(login, "payment", text(values, "payment_id", 60))
    if payment is None:
        raise Refused(404, 4000, "Payment not found.")
    if payment["status"] != "PAID":
        raise Refused(400, 5002, "Invalid transaction status.")
    written = payment["_amount"]
    if values.get("amount") is not None:
        if text(values, "currency", 3) != payment["currency"]:
            raise Refused(400, 5004, "Currency not allowed for this country.")
        written = amount(values["amount"], payment["currency"])
    left = Decimal(payment["_amount"]) - refunded(store, login, payment["id"])
    if Decimal(written) > left:
        raise Refused(400, 5007, "Amount exceeded.", "amount")
    made = {
        "id": f"REF-{uuid.uuid4()}",
        "payment_id": payment["id"],
        "order_id": payment["order_id"],
        "amount": number(written),
        "currency": payment["currency"],
        "notification_url": address(values, "notification_url"),
        "description": text(values, "description", 100, needed=False),
        "created_date": date(now()),
        "_amount": written,
        "_created": now(),
    }
    _set_refund(made, _first_status(store, login, payment))
    return store.add(login, "refund", made, payment["id"])


def _first_status(store: Store, login: str, payment: Item) -> str:
    wanted = store.merchant(login)["refunds"]
    if wanted == "auto":
        return "SUCCESS" if payment["payment_method_id"] in REFUNDED_AT_ONCE else "PENDING"
    return wanted.upper()


def _set_refund(made: Item, status: str) -> None:
    made["status"] = status
    made["status_code"], made["status_detail"] = REFUND_DETAILS[status]
    made["amount_refunded"] = made["amount"] if status == "SUCCESS" else 0


def refunded(store: Store, login: str, payment_id: str) -> Decimal:
    """How much of a payment refunds have taken or may still take."""
    made = store.by_ours(login, "refund", payment_id)
    return sum((Decimal(item["_amount"]) for item in made if item["status"] != "REJECTED"), Decimal(0))


def decide_refund(store: Store, login: str, made: Item, *, paid: bool) -> None:
    """What was pending comes to its end, and the merchant is told."""
    if made["status"] != "PENDING":
        return
    _set_refund(made, "SUCCESS" if paid else "REJECTED")
    store.update(login, made)
    notify(store, login, "refund", made, made["notification_url"])


def chargeback(store: Store, login: str, payment: Item) -> None:
    """The payer's bank takes the payment back."""
    if payment["status"] != "PAID" or store.by_ours(login, "chargeback", payment["id"]):
        return
    made = {
        "id": f"CHAR-{secrets.token_hex(6)}",
        "payment_id": payment["id"],
        "order_id": payment["order_id"],
        "amount": payment["amount"],
        "currency": payment["currency"],
        "created_date": date(now()),
        "reason_code": "10.4",
        "reason_description": "Other fraud - card absent environment",
        "_created": now(),
    }
    made["status"] = "COMPLETED"
    made["status_code"], made["status_detail"] = CHARGEBACK_DETAILS["COMPLETED"]
    store.add(login, "chargeback", made, payment["id"])
    notify(store, login, "chargeback", made, payment["notification_url"])


def win(store: Store, login: str, made: Item) -> None:
    """The dispute is decided for the merchant."""
    payment = store.find(login, "payment", made["payment_id"])
    if made["status"] != "COMPLETED" or payment is None:
        return
    made["status"] = "REVERSAL"
    made["status_code"], made["status_detail"] = CHARGEBACK_DETAILS["REVERSAL"]
    store.update(login, made)
    notify(store, login, "chargeback", made, payment["notification_url"])


def notify(store: Store, login: str, kind: str, item: Item, url: str) -> None:
    """Queue the object as it stands, in the transaction of its change."""
    if url:
        body = json.dumps(public(item), ensure_ascii=False, separators=(",", ":")).encode()
        store.deliveries.enqueue(login, f"{kind} {url}", item["id"], kind, url, body)
