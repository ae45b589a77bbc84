"""What happens to transactions, and what is told about it.

Amounts are whole numbers of a hundredth, but for currencies with another fraction (see ``fraction``).
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from sandbox.praxis.store import Record, Store

VERSION = "1.3"
# In whole units by the 3.x pages; merchants may be set up otherwise.
FRACTIONS = dict.fromkeys(["JPY", "CLP", "KRW", "VND", "BHD", "IQD", "JOD", "LYD", "OMR", "TND"], 1)
# status, code, words
CARDS = {
    "4111111111111111": ("approved", "SC-002", "Transaction approved"),
    "4000000000000002": ("approved", "SC-002", "Transaction approved"),
    "4000000000009995": ("rejected", "SC-203", "Insufficient funds"),
    "5200000000000114": ("rejected", "SC-200", "Do not honor"),
    "4000000000000119": ("error", "SC-900", "Processing error"),
    "4000000000007726": ("pending", "SC-100", "Waiting for the payment service provider"),
}
AUTHENTICATED = frozenset({"4000000000000002"})
NOT_AUTHENTICATED = ("rejected", "SC-210", "3D Secure authentication failed")
LEFT = ("cancelled", "SC-300", "Cancelled by the customer")
ENDS = frozenset({"approved", "rejected", "cancelled", "error"})
# What may still happen to an approved payment or payout.
AFTERWARDS = frozenset({"chargeback", "reversed"})
WORDS = {
    "approved": "Transaction approved", "rejected": "Do not honor", "error": "Processing error",
    "cancelled": "Cancelled by the merchant", "chargeback": "Chargeback", "reversed": "Reversed",
    "pending": "Waiting for the payment service provider", "in progress": "Sent to the payment service provider",
}  # fmt: skip
TYPES = {"payment": "sale", "authorization": "authorization", "withdrawal": "payout"}


def fraction(merchant: Record, currency: str) -> int:
    """How many units an amount of one is sent as."""
    return int({**FRACTIONS, **merchant.get("fractions", {})}.get(currency, 100))


def new_transaction(store: Store, session: Record, **values: Any) -> Record:
    transaction: Record = {
        "transaction_type": TYPES.get(session["intent"], "refund"),
        "transaction_status": "initialized",
        "tid": 0,
        "transaction_id": None,
        "currency": session["currency"],
        "amount": session["amount"],
        "conversion_rate": None,
        "processed_currency": None,
        "processed_amount": None,
        "payment_method": session["payment_method"] or "Credit Card",
        "payment_processor": "Test Processor",
        "gateway": session["gateway"] or "test_gateway_0000000000000000001",
        "card": None,
        "wallet": None,
        "is_async": 0,
        "is_cascade": 0,
        "reference_id": None,
        "withdrawal_request_id": None,
        "created_by": "INTERNET",
        "edited_by": None,
        "status_code": None,
        "status_details": None,
        "_merchant": session["_merchant"],
        "_order_id": session["order_id"],
        "_created": time.time(),
    }
    return store.insert_transaction({**transaction, **values})


def card_facts(number: str) -> Record:
    scheme = "VISA" if number.startswith("4") else "MASTERCARD"
    return {
        "card_type": scheme,
        "card_number": f"{number[:6]}******{number[-4:]}",
        "card_exp": "12/2049",
        "card_issuer_name": "Test Bank",
        "card_issuer_country": "GB",
        "card_token": None,
    }


def pay(store: Store, session: Record, *, number: str = "", wallet: str = "") -> tuple[Record, str]:
    """The customer submits a payment; the second value is ``authenticate`` if somebody wants a word first."""
    if number:
        transaction = new_transaction(store, session, card=card_facts(number), payment_method="Credit Card")
        # Only test cards are remembered whole; a real one typed by mistake is not.
        transaction["_number"] = number if number in CARDS else ""
        if number not in AUTHENTICATED:
            outcome = CARDS.get(number, ("rejected", "SC-200", "Do not honor"))
            move(store, session, transaction, *outcome)
            return transaction, "done"
    else:
        held = {"account_identifier": wallet, "label": "Skrill", "wallet_token": None}
        transaction = new_transaction(store, session, wallet=held, payment_method="Skrill")
        transaction["_number"] = ""
    transaction["is_async"] = 1
    move(store, session, transaction, "pending_async", "SC-101", "Waiting for the customer")
    return transaction, "authenticate"


def authenticate(store: Store, session: Record, transaction: Record, *, approved: bool) -> None:
    if transaction["transaction_status"] != "pending_async":
        return
    if approved:
        move(store, session, transaction, "approved", "SC-002", "Transaction approved")
    else:
        move(store, session, transaction, *(NOT_AUTHENTICATED if transaction["_number"] else LEFT))


def request_withdrawal(store: Store, session: Record, wallet: str) -> Record:
    """The payee has said where to: now the merchant has to manage the request."""
    held = {"account_identifier": wallet, "label": "Skrill", "wallet_token": None}
    transaction = new_transaction(store, session, wallet=held, payment_method="Skrill")
    move(store, session, transaction, "requested", "SC-150", "Waiting for the merchant")
    return transaction


def move(
    store: Store, session: Record, transaction: Record, status: str, code: str, words: str, **amounts: Any
) -> None:
    """Give a transaction its next status, the session what follows from it, and tell the merchant."""
    transaction |= {"transaction_status": status, "status_code": code, "status_details": words, **amounts}
    if status == "approved":
        transaction["transaction_id"] = transaction["transaction_id"] or f"psp-{secrets.token_hex(6)}"
        transaction["processed_currency"] = transaction["processed_currency"] or transaction["currency"]
        if transaction["processed_amount"] is None:
            transaction["processed_amount"] = transaction["amount"]
        transaction["conversion_rate"] = transaction["conversion_rate"] or "1.000000"
        session |= {
            "session_status": "successful",
            "processed_currency": transaction["currency"],
            "processed_amount": transaction["amount"],
            "conversion_rate": 1,
        }
    elif status == "requested":
        session["session_status"] = "action required"
    elif session["intent"] == "withdrawal" and status in ENDS:
        session["session_status"] = "failed"
    store.save_transaction(transaction)
    store.save_session(session)
    notify(store, session, transaction)


def settle(store: Store, transaction: Record, status: str, **amounts: Any) -> bool:
    """Decided elsewhere: by the payment service provider, the bank or somebody in Praxis' back office."""
    before = transaction["transaction_status"]
    if (
        status not in WORDS
        or (status in AFTERWARDS) != (before == "approved")
        or before in ENDS - {"approved", "error"}
    ):
        return False
    session = store.session(transaction["_merchant"], transaction["_order_id"])
    assert session is not None
    move(store, session, transaction, status, "SC-500", WORDS[status], **amounts)
    return True


def expire(store: Store, session: Record) -> None:
    """Fifteen minutes are over. A transaction that is still on its way ends by itself."""
    if session["session_status"] != "open":
        return
    session["session_status"] = "expired"
    store.save_session(session)
    under_way = [
        one
        for one in store.of_order(session["_merchant"], session["order_id"])
        if one["transaction_status"] not in ENDS
    ]
    if not under_way:
        notify(store, session, None)


def found(store: Store, session: Record) -> Record | None:
    """The transaction that ``find-order`` shows: rejected ones only once the session is over."""
    every = store.of_order(session["_merchant"], session["order_id"])
    kept = [one for one in every if one["transaction_status"] != "rejected"]
    if kept:
        return kept[-1]
    return every[-1] if every and session["session_status"] != "open" else None


def public(record: Record | None) -> Record | None:
    return None if record is None else {name: value for name, value in record.items() if not name.startswith("_")}


def customer_of(session: Record) -> Record:
    data = session["_customer"]
    return {
        "customer_token": session["_customer_token"],
        "country": data.get("country"),
        "first_name": data.get("first_name"),
        "last_name": data.get("last_name"),
        "avs_alert": 0,
        "verification_alert": None,
    }


def notify(store: Store, session: Record, transaction: Record | None) -> None:
    """Queue a notification in the transaction of the change."""
    url = session["_notification_url"]
    if not url:
        return
    message = {
        "merchant_id": session["_merchant"],
        "application_key": session["_application_key"],
        "conversion_rate": transaction["conversion_rate"] if transaction else None,
        "customer": customer_of(session),
        "session": public(session),
        "transaction": public(transaction),
        "version": VERSION,
        "timestamp": int(time.time()),
    }
    kind = transaction["transaction_status"] if transaction else session["session_status"]
    subject = str(transaction["tid"]) if transaction else session["order_id"]
    body = json.dumps(message, ensure_ascii=False).encode()
    store.deliveries.enqueue(session["_merchant"], session["order_id"], subject, kind, url, body)
