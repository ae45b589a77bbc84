"""Charges and refunds: what may be asked for, and how each comes to its end."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sandbox._web import is_http_url
from sandbox.tap.signing import DECIMALS
from sandbox.tap.store import Item, Store, now, public

# What each source takes; None is any currency.
SOURCES: dict[str, str | None] = {
    "src_all": None, "src_card": None, "src_apple_pay": None, "src_kw.knet": "KWD", "src_sa.mada": "SAR",
    "src_bh.benefit": "BHD", "src_qa.qpay": "QAR", "src_om.omannet": "OMR",
}  # fmt: skip
NAMES = {
    "src_all": "Tap", "src_card": "Card", "src_apple_pay": "Apple Pay", "src_kw.knet": "KNET", "src_sa.mada": "mada",
    "src_bh.benefit": "Benefit", "src_qa.qpay": "QPay", "src_om.omannet": "OmanNet",
}  # fmt: skip
CAPTURED = ("CAPTURED", "000", "Captured")
CANCELLED = ("CANCELLED", "302", "Cancelled")
DECLINED = ("DECLINED", "501", "Declined")
NOT_VERIFIED = ("DECLINED", "507", "3D Secure authentication failed")
# Tap's own test cards first, then the sandbox's.
CARDS = {
    "4508750015741019": CAPTURED,
    "5123450000000008": CAPTURED,
    "8888880000000001": CAPTURED,
    "4600410123456789": CAPTURED,
    "1111110123456789": DECLINED,
    "4215375500883243": CAPTURED,
    "4000000000000002": DECLINED,
    "4000000000009995": ("DECLINED", "502", "Insufficient funds"),
    "4000000000000069": ("DECLINED", "503", "Expired card"),
    "4100000000000019": ("RESTRICTED", "504", "Restricted by risk rules"),
    "4000000000000119": ("FAILED", "401", "Failed, gateway error"),
    "4000000000003220": CAPTURED,
}
VERIFIED = frozenset({"4000000000003220"})
OPEN = frozenset({"INITIATED", "IN_PROGRESS"})


class Refused(Exception):
    """Ends a request with an HTTP status and Tap's error body."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"errors": [{"code": code, "description": description}]}


def text(values: dict[str, Any], name: str, longest: int = 200, *, needed: bool = True) -> str:
    value = values.get(name)
    if value in (None, "") and not needed:
        return ""
    if not isinstance(value, str) or not value or len(value) > longest:
        raise Refused(400, "1105", f"{name} is invalid")
    return value


def part(values: dict[str, Any], name: str, *, needed: bool = True) -> dict[str, Any]:
    value = values.get(name)
    if value is None and not needed:
        return {}
    if not isinstance(value, dict):
        raise Refused(400, "1105", f"{name} is invalid")
    return value


def amount(values: dict[str, Any], currency: str) -> Decimal:
    """More decimals than the currency has are refused."""
    value = values.get("amount")
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Refused(400, "1108", "Amount is invalid")
    given, step = Decimal(value), Decimal(1).scaleb(-DECIMALS[currency])
    if not given.is_finite() or not 0 < given < Decimal(10) ** 9 or given != given.quantize(step):
        raise Refused(400, "1108", "Amount is invalid")
    return given.quantize(step)


def currency_of(values: dict[str, Any]) -> str:
    currency = text(values, "currency", 3)
    if currency not in DECIMALS:
        raise Refused(400, "1109", "Currency code is invalid")
    return currency


def address(values: dict[str, Any], name: str, *, needed: bool) -> str:
    """The ``url`` of ``post`` or ``redirect``; plain HTTP is for this machine only."""
    value = text(part(values, name, needed=needed), "url", 500, needed=needed)
    if not value:
        return ""
    host = urlsplit(value).hostname or "" if is_http_url(value) else ""
    local = host in {"127.0.0.1", "::1", "localhost"} or host.endswith(".localhost")
    if not host or (urlsplit(value).scheme != "https" and not local):
        raise Refused(400, "1105", f"{name}.url is invalid")
    return value


def create(store: Store, account: str, values: dict[str, Any], base_url: str, language: str) -> Item:
    """``POST /v2/charges/``. The same idempotent string gets the first answer again."""
    references = part(values, "reference", needed=False)
    key = text(references, "idempotent", needed=False)
    if key and (known := store.answered(account, "charge", key)):
        return known
    currency = currency_of(values)
    given = amount(values, currency)
    source = text(part(values, "source"), "id", 100)
    if source not in SOURCES:
        raise Refused(400, "1143", "Source id is invalid")
    if SOURCES[source] not in (None, currency):
        raise Refused(400, "1109", "Currency code is invalid")
    customer = part(values, "customer")
    text(customer, "first_name", 100)
    if not customer.get("phone"):
        text(customer, "email", 200)
    page = secrets.token_urlsafe(24)
    charge: Item = {
        "id": f"chg_TS{secrets.token_hex(12)}",
        "object": "charge",
        "live_mode": False,
        "status": "INITIATED",
        "amount": float(given),
        "currency": currency,
        "threeDSecure": bool(values.get("threeDSecure", True)),
        "description": text(values, "description", 500, needed=False),
        "metadata": part(values, "metadata", needed=False),
        "transaction": {"created": str(int(now() * 1000)), "url": f"{base_url}/pay/{page}", "timezone": "UTC+03:00"},
        "reference": {"track": f"tck_{secrets.token_hex(8)}", **references},
        "response": {"code": "100", "message": "Initiated"},
        "customer": customer,
        "source": {"object": "source", "id": source},
        "redirect": {"status": "PENDING", "url": address(values, "redirect", needed=True)},
        "post": {"status": "PENDING", "url": address(values, "post", needed=False)},
        "_page": page,
        "_amount": str(given),
        "_language": language,
        "_created": now(),
    }
    store.add(account, "charge", charge)
    if key:
        store.keep_answer(account, "charge", key, public(charge))
    return public(charge)


def is_open(charge: Item) -> bool:
    return charge["status"] in OPEN


def finish(store: Store, account: str, charge: Item, outcome: tuple[str, str, str]) -> None:
    """Give the charge its end and tell the merchant; an end stays as it is."""
    if not is_open(charge):
        return
    charge["status"], code, message = outcome
    charge["response"] = {"code": code, "message": message}
    charge["reference"] |= {"gateway": secrets.token_hex(6), "payment": str(secrets.randbelow(10**16))}
    percent = store.account(account)["fee_percent"]
    if charge["status"] == "CAPTURED" and percent:
        step = Decimal(1).scaleb(-DECIMALS[charge["currency"]])
        fee = (Decimal(charge["_amount"]) * Decimal(percent) / 100).quantize(step)
        charge["fee"] = {"amount": float(fee), "currency": charge["currency"]}
    store.update(account, charge)
    notify(store, account, charge)


def pay(store: Store, account: str, charge: Item, card: dict[str, str]) -> str:
    """The customer presses "pay". ``verify`` if the bank wants a word first, else ``done``."""
    number = card["number"]
    charge["card"] = {"first_six": number[:6], "last_four": number[-4:], "brand": _brand(charge, number)}
    charge["source"]["payment_method"] = charge["card"]["brand"]
    if number in VERIFIED:
        charge["status"] = "IN_PROGRESS"
    store.update(account, charge)
    if number in VERIFIED:
        return "verify"
    finish(store, account, charge, CARDS.get(number, DECLINED))
    return "done"


def _brand(charge: Item, number: str) -> str:
    source = charge["source"]["id"]
    if SOURCES[source]:
        return NAMES[source].upper()
    return "VISA" if number.startswith("4") else "MASTERCARD"


def refund(store: Store, account: str, values: dict[str, Any]) -> Item:
    """``POST /v2/refunds/``: REFUNDED at once, or as the account's setting says."""
    references = part(values, "reference", needed=False)
    key = text(references, "idempotent", needed=False)
    if key and (known := store.answered(account, "refund", key)):
        return known
    charge = store.find(account, "charge", text(values, "charge_id", 100))
    if charge is None:
        raise Refused(404, "1141", "Charge id is invalid")
    if currency_of(values) != charge["currency"]:
        raise Refused(400, "1109", "Currency code is invalid")
    given = amount(values, charge["currency"])
    text(values, "reason", 200)
    if charge["status"] != "CAPTURED":
        raise Refused(400, "1149", "Charge is not captured")
    if given > Decimal(charge["_amount"]) - refunded(store, account, charge["id"]):
        raise Refused(400, "1150", "Refund amount is more than the remaining amount")
    status = {"auto": "REFUNDED", "pending": "PENDING", "declined": "DECLINED"}[store.account(account)["refunds"]]
    made: Item = {
        "id": f"re_TS{secrets.token_hex(12)}",
        "object": "refund",
        "status": status,
        "amount": float(given),
        "currency": charge["currency"],
        "charge_id": charge["id"],
        "created": str(int(now() * 1000)),
        "reason": values["reason"],
        "description": text(values, "description", 500, needed=False),
        "reference": references,
        "response": {"code": "000", "message": status.title()},
        "post": {"status": "PENDING", "url": address(values, "post", needed=False)},
        "_amount": str(given),
        "_created": now(),
    }
    store.add(account, "refund", made, charge["id"])
    if key:
        store.keep_answer(account, "refund", key, public(made))
    return public(made)


def refunded(store: Store, account: str, charge_id: str) -> Decimal:
    """How much of a charge refunds have taken or may still take."""
    made = store.refunds_of(account, charge_id)
    return sum((Decimal(item["_amount"]) for item in made if item["status"] in {"PENDING", "REFUNDED"}), Decimal(0))


def decide_refund(store: Store, account: str, made: Item, *, paid: bool) -> None:
    if made["status"] != "PENDING":
        return
    made["status"] = "REFUNDED" if paid else "DECLINED"
    made["response"] = {"code": "000" if paid else "501", "message": made["status"].title()}
    store.update(account, made)
    notify(store, account, made)


def notify(store: Store, account: str, item: Item) -> None:
    """Queue the object as it stands, in the transaction of its change."""
    if url := item["post"]["url"]:
        body = json.dumps(public(item), ensure_ascii=False, default=str, separators=(",", ":")).encode()
        store.deliveries.enqueue(account, f"{item['object']} {url}", item["id"], item["object"], url, body)
