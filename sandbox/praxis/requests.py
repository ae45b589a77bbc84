"""What the API's calls ask for, checked strictly, and carried out."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from sandbox._web import is_http_url
from sandbox.praxis import payments
from sandbox.praxis.payments import VERSION, new_transaction
from sandbox.praxis.store import Record, Store

CURRENCIES = frozenset([
    "AED", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS",
    "INR", "IQD", "JOD", "JPY", "KES", "KRW", "KWD", "KZT", "LYD", "MXN", "MYR", "NGN", "NOK", "NZD", "OMR", "PEN", "PHP",
    "PLN", "QAR", "RON", "SAR", "SEK", "SGD", "THB", "TND", "TRY", "UAH", "USD", "UZS", "VND", "ZAR",
])  # fmt: skip
LOCALES = frozenset([
    "ar-SA", "cs-CZ", "zh-CN", "zh-TW", "nl-NL", "en-GB", "tl-PH", "fi-FI", "fr-FR", "de-DE", "el-GR", "he-IL", "hi-IN",
    "hu-HU", "it-IT", "id-ID", "ja-JP", "ko-KR", "lt-LT", "ms-MY", "pl-PL", "pt-PT", "ru-RU", "sk-SK", "es-ES", "sv-SE",
    "th-TH", "tr-TR", "vi-VN", "hy-AM", "bg-BG", "kh-KH", "da-DK", "et-EE", "ka-GE", "lv-LV", "nb-NO", "ro-RS", "sl-SI",
    "ta-IN", "uk-UA", "sq-AL",
])  # fmt: skip
METHODS = frozenset({"Credit Card", "Skrill"})
CUSTOMER = {"country": 2, "first_name": 25, "last_name": 25, "dob": 10, "email": 50, "phone": 25, "zip": 25, "state": 25,
            "city": 40, "address": 100, "profile": 2}  # fmt: skip
NEEDED_OF_CUSTOMER = ("country", "first_name", "last_name", "email")


class Refused(Exception):
    """Ends a call. A positive status is the merchant's mistake, a negative one Praxis' own."""

    def __init__(self, status: int, description: str, http: int = 200) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.http = http


def text(values: Record, name: str, longest: int, *, needed: bool = True) -> str:
    value = values.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise Refused(100, f"{name}: missing, not a string or longer than {longest}")
    return value


def whole(values: Record, name: str) -> int:
    value = values.get(name)
    if type(value) is not int or not 0 < value < 10**15:
        raise Refused(100, f"{name}: a positive integer is expected")
    return value


def address(values: Record, name: str, *, needed: bool) -> str:
    value = text(values, name, 256, needed=needed)
    if value and not is_http_url(value):
        raise Refused(100, f"{name}: not a URL")
    return value


def money(values: Record) -> tuple[str, int]:
    currency = text(values, "currency", 10)
    if currency not in CURRENCIES:
        raise Refused(101, f"currency: {currency} is not supported")
    return currency, whole(values, "amount")


def cid(values: Record) -> str:
    value = text(values, "cid", 50)
    if "@" in value:
        raise Refused(102, "cid: personally identifiable information is forbidden")
    return value


def customer(values: Record) -> Record:
    """Customer data, or {} when only a token of an earlier session was sent."""
    data = values.get("customer_data")
    if data is None:
        text(values, "customer_token", 32)
        return {}
    if not isinstance(data, dict) or set(data) - set(CUSTOMER):
        raise Refused(100, "customer_data: not an object of the known fields")
    for name, longest in CUSTOMER.items():
        text(data, name, longest, needed=name in NEEDED_OF_CUSTOMER)
    if not re.fullmatch(r"[A-Z]{2}", data["country"]):
        raise Refused(100, "customer_data.country: ISO 3166-1 alpha-2 is expected")
    return data


def open_session(store: Store, merchant: str, values: Record, minutes: float) -> Record:
    """``cashier/cashier``. An order is opened once."""
    intent = text(values, "intent", 32)
    if intent not in {"payment", "authorization", "withdrawal"}:
        raise Refused(100, "intent: payment, authorization or withdrawal")
    currency, amount = money(values)
    if text(values, "locale", 5) not in LOCALES:
        raise Refused(100, "locale: not in the list")
    method = text(values, "payment_method", 50, needed=False)
    if method and method not in METHODS:
        raise Refused(103, f"payment_method: {method} is not available")
    order_id = _fresh_order(store, merchant, values)
    return store.insert_session({
        **_session(store, merchant, values, intent, order_id),
        "currency": currency,
        "amount": amount,
        "payment_method": method or None,
        "_expires": time.time() + minutes * 60,
        "_locale": values["locale"],
        "_customer": customer(values),
        "_notification_url": address(values, "notification_url", needed=True),
        "_validation_url": address(values, "validation_url", needed=False),
        "_return_url": address(values, "return_url", needed=True),
    })  # fmt: skip


def _fresh_order(store: Store, merchant: str, values: Record) -> str:
    order_id = text(values, "order_id", 50)
    if store.session(merchant, order_id):
        raise Refused(110, "order_id: already exists")
    return order_id


def _session(store: Store, merchant: str, values: Record, intent: str, order_id: str) -> Record:
    variables = {f"variable{n}": text(values, f"variable{n}", 256, needed=False) or None for n in (1, 2, 3)}
    return {
        "auth_token": secrets.token_hex(16),
        "intent": intent,
        "session_status": "open",
        "order_id": order_id,
        "conversion_rate": None,
        "processed_currency": None,
        "processed_amount": None,
        "gateway": text(values, "gateway", 32, needed=False) or None,
        "cid": cid(values),
        **variables,
        "_merchant": merchant,
        "_application_key": values["application_key"],
        "_customer_token": secrets.token_hex(16),
        "_created": time.time(),
    }


def refund(store: Store, merchant: str, values: Record) -> tuple[Record, Record]:
    """``direct/refund``: back to where an approved payment came from, in the currency it was processed in."""
    if text(values, "transaction_type", 16) != "refund":
        raise Refused(100, "transaction_type: refund is expected")
    currency, amount = money(values)
    text(values, "locale", 5)
    paid = store.transaction(merchant, whole(values, "reference_id"))
    order_id = _fresh_order(store, merchant, values)
    if paid is None or paid["transaction_type"] != "sale" or paid["transaction_status"] != "approved":
        raise Refused(120, "reference_id: no approved deposit")
    if currency != paid["processed_currency"]:
        raise Refused(121, "currency: not the processing currency of the deposit")
    given = [one for one in store.refunds_of(merchant, paid["tid"]) if one["transaction_status"] not in {"rejected"}]
    left = paid["processed_amount"] - sum(one["amount"] for one in given)
    if amount > left:
        raise Refused(122, f"amount: only {left} left to refund")
    origin = store.session(merchant, paid["_order_id"])
    assert origin is not None
    session = {
        **_session(store, merchant, values, "refund", order_id),
        "currency": currency,
        "amount": amount,
        "payment_method": paid["payment_method"],
        "_expires": time.time(),
        "_locale": values["locale"],
        "_customer": origin["_customer"],
        "_customer_token": origin["_customer_token"],
        "_notification_url": address(values, "notification_url", needed=False) or origin["_notification_url"],
        "_validation_url": "",
        "_return_url": "",
    }
    session["session_status"] = "action required"
    store.insert_session(session)
    transaction = new_transaction(
        store, session, transaction_type="refund", reference_id=paid["tid"], card=paid["card"]
    )
    status = str(store.merchant(merchant).get("refunds", "approved"))
    payments.move(store, session, transaction, status, "SC-002", payments.WORDS[status])
    return session, transaction


def manage(store: Store, merchant: str, values: Record) -> tuple[Record, Record]:
    """``agent/manage-withdrawal-request``: send what the payee asked for, or not."""
    intent = text(values, "intent", 32)
    if intent not in {"complete-withdrawal-request", "cancel-withdrawal-request"}:
        raise Refused(100, "intent: complete-withdrawal-request or cancel-withdrawal-request")
    transaction = store.transaction(merchant, whole(values, "withdrawal_request_id"))
    if transaction is None or transaction["transaction_type"] != "payout":
        raise Refused(130, "withdrawal_request_id: not found")
    if transaction["transaction_status"] != "requested":
        raise Refused(131, "withdrawal request has been managed already")
    if intent.startswith("complete"):
        text(values, "gateway", 32)
        status = str(store.merchant(merchant).get("payouts", "approved"))
    else:
        status = "cancelled"
    session = store.session(merchant, transaction["_order_id"])
    assert session is not None
    payments.move(store, session, transaction, status, "SC-002", payments.WORDS[status])
    return session, transaction


def answer(session: Record | None, transaction: Record | None, **more: Any) -> Record:
    return {
        "status": 0,
        "description": "Ok",
        "customer": payments.customer_of(session) if session else None,
        "session": payments.public(session),
        "transaction": payments.public(transaction),
        "version": VERSION,
        "timestamp": int(time.time()),
        **more,
    }
