"""Transactions: what may be asked for, and how each comes to its end.

Amounts are decimals in major units with the currency's decimals ("500.00", KWD "1.500").
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sandbox._web import is_http_url
from sandbox.paytabs.store import Store, Transaction, now

DECIMALS = {
    "AED": 2, "SAR": 2, "EGP": 2, "QAR": 2, "USD": 2, "EUR": 2, "GBP": 2, "MAD": 2, "PKR": 2, "INR": 2,
    "HKD": 2, "JPY": 0, "KWD": 3, "OMR": 3, "BHD": 3, "JOD": 3, "IQD": 3,
}  # fmt: skip
HOSTED = ("sale", "auth")
FOLLOW_UPS = ("refund", "capture", "void", "release")
NAMES = {"sale": "Sale", "auth": "Auth", "refund": "Refund", "capture": "Capture", "void": "Void",
         "release": "Release"}  # fmt: skip
# Which transaction each follow-up follows.
FOLLOWS = {"refund": {"Sale", "Capture"}, "capture": {"Auth"}, "void": {"Auth"}, "release": {"Auth"}}
# status, code, message. The first two cards are PayTabs' own test cards; the others are this sandbox's, with
# codes from PayTabs' table (support.paytabs.com, "What is response code vs the response status").
CARDS = {
    "4111111111111111": ("A", "", "Authorised"),
    "5200000000000007": ("A", "", "Authorised"),
    "4000000000000002": ("A", "", "Authorised"),
    "4000000000009995": ("D", "316", "Insufficient funds"),
    "5200000000000114": ("D", "300", "Declined"),
    "4000000000000119": ("E", "400", "Internal system error"),
    "4100000000000019": ("H", "501", "On hold for anti-fraud review"),
    "4000000000007726": ("P", "600", "Pending"),
}
AUTHENTICATED = frozenset({"4000000000000002"})
PENDING = ("P", "600", "Pending")
CANCELLED = ("C", "321", "Cancelled")
NOT_AUTHENTICATED = ("D", "310", "3D Secure authentication rejected")
FINAL = frozenset("ADVEXC")


class Refused(Exception):
    """Ends a request with an HTTP status and PayTabs' error body."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def trace() -> str:
    return f"PMNT0401.{secrets.token_hex(4).upper()}.{secrets.token_hex(4).upper()}"


def request(store: Store, profile: str, values: dict[str, Any], base_url: str, window: float) -> Transaction:
    """``/payment/request``: a hosted page for sale and auth, a result at once for the follow-ups."""
    kind = _text(values, "tran_type").lower()
    if kind not in NAMES:
        raise Refused(400, 2, "Invalid tran_type")
    if _text(values, "tran_class").lower() not in {"ecom", "moto", "recurring"}:
        raise Refused(400, 2, "Invalid tran_class")
    currency = _text(values, "cart_currency").upper()
    if currency not in DECIMALS:
        raise Refused(400, 206, "Invalid currency code")
    transaction = {
        "tran_ref": store.new_reference(),
        "tran_type": NAMES[kind],
        "cart_id": _text(values, "cart_id", 64),
        "cart_description": _text(values, "cart_description", 128),
        "cart_currency": currency,
        "cart_amount": _amount(values.get("cart_amount"), currency),
        "tran_currency": currency,
        "tran_class": "ECom",
        "_created": now(),
    }
    transaction["tran_total"] = transaction["cart_amount"]
    _refuse_duplicate(store, profile, transaction, values, window)
    if kind in FOLLOW_UPS:
        return _follow_up(store, profile, transaction, kind, _text(values, "tran_ref"))
    return _open_page(store, profile, transaction, values, base_url)


def _text(values: dict[str, Any], name: str, longest: int = 200) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise Refused(400, 2, f"{name}: Missing or invalid")
    return value.strip()


def _amount(value: Any, currency: str) -> str:
    """The amount with the currency's decimals; more decimals than it has are refused."""
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal(0)
    except ArithmeticError:
        raise Refused(400, 2, "Invalid cart_amount") from None
    step = Decimal(1).scaleb(-DECIMALS[currency])
    if not amount.is_finite() or not 0 < amount < Decimal(10) ** 9 or amount != amount.quantize(step):
        raise Refused(400, 2, "Invalid cart_amount")
    return f"{amount.quantize(step):f}"


def _refuse_duplicate(
    store: Store, profile: str, transaction: Transaction, values: dict[str, Any], window: float
) -> None:
    """The same request for the same cart within about two minutes is refused with code 4."""
    same = ("tran_type", "cart_amount", "cart_currency")
    for other in store.by_cart(profile, transaction["cart_id"]):
        alike = all(other[name] == transaction[name] for name in same)
        follows = other.get("previous_tran_ref") == values.get("tran_ref")
        if alike and follows and transaction["_created"] - other["_created"] < window:
            raise Refused(409, 4, "Duplicate Request")


def _open_page(
    store: Store, profile: str, transaction: Transaction, values: dict[str, Any], base_url: str
) -> Transaction:
    for name in ("callback", "return"):
        address = values.get(name)
        if address and address != "none":
            _check_address(name, address)
            transaction[name] = address
        else:
            transaction[name] = "none"
    language = values.get("paypage_lang", "en")
    if language not in {"en", "ar"}:
        raise Refused(400, 2, "Invalid paypage_lang")
    customer = values.get("customer_details") or {}
    if not isinstance(customer, dict) or not all(isinstance(v, str) for v in customer.values()):
        raise Refused(400, 2, "Invalid customer_details")
    page = secrets.token_hex(32).upper()
    transaction |= {
        "customer_details": customer,
        "user_defined": values.get("user_defined") or {},
        "payment_result": result(PENDING),
        "_page": page,
        "_language": language,
    }
    transaction["_url"] = f"{base_url}/payment/page/{page}"
    return store.insert(profile, transaction)


def _check_address(name: str, address: Any) -> None:
    """Callback and return must be HTTPS; names of this machine may do without."""
    if not isinstance(address, str) or not is_http_url(address):
        raise Refused(400, 2, f"Invalid {name} URL")
    host = urlsplit(address).hostname or ""
    local = host in {"127.0.0.1", "::1", "localhost"} or host.endswith(".localhost")
    if urlsplit(address).scheme != "https" and not local:
        raise Refused(400, 2, f"Invalid {name} URL: must be HTTPS")


def result(outcome: tuple[str, str, str]) -> dict[str, str]:
    """``payment_result`` of a transaction; an authorisation gets the bank's code."""
    status, code, message = outcome
    return {
        "response_status": status,
        "response_code": code or f"G{secrets.randbelow(90000) + 10000}",
        "response_message": message,
        "acquirer_ref": f"TRAN0201.{secrets.token_hex(4).upper()}.{secrets.token_hex(4).upper()}",
        "cvv_result": " ",
        "avs_result": " ",
        "transaction_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _follow_up(store: Store, profile: str, transaction: Transaction, kind: str, reference: str) -> Transaction:
    before = store.find(profile, reference)
    if before is None:
        raise Refused(400, 2, "Transaction not found")
    if before["cart_currency"] != transaction["cart_currency"]:
        raise Refused(400, 206, "Currency mismatch")
    status = before["payment_result"]["response_status"]
    amount = Decimal(transaction["cart_amount"])
    left = Decimal(before["cart_amount"]) - used(store, profile, before)
    if before["tran_type"] not in FOLLOWS[kind] or status != "A":
        outcome = ("E", "2", f"Unable to {kind} this transaction")
    elif amount > left:
        outcome = ("E", "2", f"Amount exceeds the {left} {before['cart_currency']} left")
    elif kind in {"void", "release"} and amount != left:
        outcome = ("E", "2", f"A {kind} takes the whole amount")
    else:
        outcome = ("A", "", "Authorised")
    transaction |= {
        "previous_tran_ref": reference,
        "customer_details": before["customer_details"],
        "user_defined": before["user_defined"],
        "payment_info": before.get("payment_info", {}),
        "payment_result": result(outcome),
        "callback": before["callback"],
        "return": "none",
    }
    store.insert(profile, transaction)
    if outcome[0] == "A":
        notify(store, profile, transaction, callback=False)
    return transaction


def used(store: Store, profile: str, transaction: Transaction) -> Decimal:
    """How much of it follow-ups have taken so far."""
    others = [item for item in store.all(profile) if item.get("previous_tran_ref") == transaction["tran_ref"]]
    taken = [Decimal(item["cart_amount"]) for item in others if item["payment_result"]["response_status"] in "AP"]
    return sum(taken, Decimal(0))


def pay(store: Store, profile: str, transaction: Transaction, card: dict[str, str]) -> str:
    """The customer presses "pay". ``authenticate`` if the bank wants a word first, else ``done``."""
    number = card["number"]
    scheme = "Visa" if number.startswith("4") else "MasterCard"
    transaction["payment_info"] = {
        "payment_method": scheme,
        "card_type": "Credit",
        "card_scheme": scheme,
        "payment_description": f"{number[:4]} {number[4:6]}## #### {number[-4:]}",
        "expiryMonth": int(card["month"]),
        "expiryYear": int(card["year"]),
    }
    # Only test cards are remembered whole; a real one typed by mistake is not.
    transaction["_number"] = number if number in CARDS else f"************{number[-4:]}"
    store.update(profile, transaction)
    if number in AUTHENTICATED:
        return "authenticate"
    finish(store, profile, transaction, CARDS.get(number, ("D", "300", "Declined")))
    return "done"


def finish(store: Store, profile: str, transaction: Transaction, outcome: tuple[str, str, str]) -> None:
    """Give the transaction its result and tell the merchant; a final result stays as it is."""
    if is_settled(transaction):
        return
    transaction["payment_result"] = result(outcome)
    transaction["_answered"] = True
    store.update(profile, transaction)
    notify(store, profile, transaction)


def is_settled(transaction: Transaction) -> bool:
    """Whether the result is final; on hold and pending are not."""
    return transaction["payment_result"]["response_status"] in FINAL


def review(store: Store, profile: str, transaction: Transaction, *, accepted: bool) -> None:
    """The provider decides what was on hold or pending."""
    outcome = ("A", "", "Authorised") if accepted else ("D", "300", "Declined")
    finish(store, profile, transaction, outcome)


def public(profile: str, transaction: Transaction) -> dict[str, Any]:
    """The transaction as the API and the notifications show it."""
    visible = {name: value for name, value in transaction.items() if not name.startswith("_")}
    for name in ("callback", "return"):
        visible.pop(name, None)
    number = int(profile) if profile.isdecimal() else 0
    return {**visible, "profile_id": number, "merchant_id": number % 90000 + 1000}


def notify(store: Store, profile: str, transaction: Transaction, *, callback: bool = True) -> None:
    """Queue the callback of this payment and the profile's IPN, in the transaction of the change."""
    message = {**public(profile, transaction), "ipn_trace": trace().replace("PMNT", "IPNS")}
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    targets = {"IPN": store.profile(profile).get("ipn_url", "")}
    if callback and transaction["callback"] != "none":
        targets["callback"] = transaction["callback"]
    for kind, url in targets.items():
        if url:
            store.deliveries.enqueue(profile, f"{kind} {url}", transaction["tran_ref"], kind, url, body)


def return_fields(transaction: Transaction) -> dict[str, str]:
    """What the browser carries back to the merchant, still without its signature."""
    outcome = transaction["payment_result"]
    return {
        "acquirerMessage": "",
        "acquirerRRN": "",
        "cartId": transaction["cart_id"],
        "customerEmail": transaction["customer_details"].get("email", ""),
        "respCode": outcome["response_code"],
        "respMessage": outcome["response_message"],
        "respStatus": outcome["response_status"],
        "token": "",
        "tranRef": transaction["tran_ref"],
    }
