"""Transactions: payments in, refunds, money sent; what they become and who is told."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox.skrill.reports import report

DECIMALS = {
    "ISK": 0, "JPY": 0, "KRW": 0,
    **dict.fromkeys(["AED", "AUD", "BGN", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "MAD", "MYR",
                     "NOK", "NZD", "PLN", "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR"], 2),
}  # fmt: skip
PENDING, SCHEDULED, PROCESSED, CANCELLED, FAILED, CHARGEBACK = "0", "1", "2", "-1", "-2", "-3"
WORDS = {PENDING: "pending", SCHEDULED: "scheduled", PROCESSED: "processed", CANCELLED: "cancelled", FAILED: "failed"}
RATE = Decimal("0.9")  # into the account's own currency, where that is another


def identifier() -> str:
    return str(secrets.randbelow(9 * 10**9) + 10**9)


def session() -> str:
    return secrets.token_hex(16)


def amount(value: Any, currency: str) -> Decimal | None:
    """The amount, or None for one that is malformed, nothing, too long or of too many decimals."""
    if currency not in DECIMALS or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,3})?", str(value)):
        return None
    found = Decimal(str(value))
    return found if found > 0 and found == found.quantize(Decimal(1).scaleb(-DECIMALS[currency])) else None


def written(value: Decimal) -> str:
    """Without trailing zeros, as Skrill writes amounts."""
    return f"{value.normalize():f}"


def pay(store: Accounts, account: str, opened: Document, status: str, *, reason: str = "") -> Document | None:
    """An attempt to pay a session: processed, pending or failed. A transaction id is paid once."""
    done = store.find(account, "transactions", transaction_id=opened["transaction_id"], status=PROCESSED)
    if done or status not in {PENDING, PROCESSED, FAILED}:
        return None
    own = str(store.settings(account).get("currency") or opened["currency"])
    value = Decimal(opened["amount"])
    converted = value if own == opened["currency"] else (value * RATE).quantize(Decimal("0.01"))
    made: Document = {
        "id": identifier(),
        "transaction_id": opened["transaction_id"],
        "amount": opened["amount"],
        "currency": opened["currency"],
        "mb_amount": written(converted),
        "mb_currency": own,
        "pay_from_email": opened.get("pay_from_email") or "lena.vogt@example.com",
        "payment_type": "WLT",
        "_status_url": opened.get("status_url", ""),
    }
    return become(store, account, made, status, reason=reason)


def become(store: Accounts, account: str, made: Document, status: str, *, reason: str = "") -> Document:
    made["status"] = status
    if reason:
        made["failed_reason_code"] = reason
    store.put(account, "transactions", made)
    report(store, account, made["_status_url"], made["id"], details(made))
    return made


def decide(store: Accounts, account: str, made: Document, action: str) -> Document | None:
    """What happens to a transaction later: processed, cancelled or failed while pending, charged back when processed."""
    status = {"process": PROCESSED, "cancel": CANCELLED, "fail": FAILED, "chargeback": CHARGEBACK}.get(action)
    before = PROCESSED if action == "chargeback" else PENDING
    return become(store, account, made, status) if status and made["status"] == before else None


def details(made: Document) -> Document:
    """The fields of a report and of an answer to a query."""
    names = ("transaction_id", "amount", "currency", "mb_amount", "mb_currency", "status", "pay_from_email", "payment_type",
             "failed_reason_code")  # fmt: skip
    return {"mb_transaction_id": made["id"], **{name: made[name] for name in names if name in made}}


def refund_left(store: Accounts, account: str, made: Document) -> Decimal:
    refunds = [one for one in store.all(account, "refunds") if one["of"] == made["id"] and one["status"] != FAILED]
    return Decimal(made["mb_amount"]) - sum((Decimal(one["mb_amount"]) for one in refunds), Decimal(0))


def refund(store: Accounts, account: str, made: Document, values: Document) -> Document:
    """Carry a prepared refund out."""
    hold = bool(store.settings(account).get("hold_refunds"))
    given: Document = {
        "id": identifier(),
        "of": made["id"],
        "transaction_id": made["transaction_id"],
        "mb_amount": values["amount"],
        "mb_currency": made["mb_currency"],
        "_fields": values["fields"],
        "_status_url": values["refund_status_url"],
    }
    return refund_become(store, account, given, PENDING if hold else PROCESSED)


def refund_become(store: Accounts, account: str, given: Document, status: str) -> Document:
    given["status"] = status
    store.put(account, "refunds", given)
    names = ("transaction_id", "mb_amount", "mb_currency", "status")
    told = {"mb_transaction_id": given["id"], **{name: given[name] for name in names}, **given["_fields"]}
    report(store, account, given["_status_url"], given["id"], told)
    return given


def refund_decide(store: Accounts, account: str, given: Document, action: str) -> Document | None:
    status = {"process": PROCESSED, "fail": FAILED}.get(action)
    return refund_become(store, account, given, status) if status and given["status"] == PENDING else None


def send(store: Accounts, account: str, values: Document) -> Document:
    """Send money. A payee without an account leaves it scheduled."""
    scheduled = bool(store.settings(account).get("hold_payouts"))
    made = {
        "id": identifier(), "transaction_id": values["frn_trn_id"], "mb_amount": values["amount"],
        "mb_currency": values["currency"], "amount": values["amount"], "currency": values["currency"],
        "bnf_email": values["bnf_email"], "status": SCHEDULED if scheduled else PROCESSED,
    }  # fmt: skip
    return store.put(account, "payouts", made)


def sent_decide(store: Accounts, account: str, made: Document, action: str) -> Document | None:
    status = {"process": PROCESSED, "cancel": CANCELLED, "fail": FAILED}.get(action)
    if status is None or made["status"] != SCHEDULED:
        return None
    return store.put(account, "payouts", {**made, "status": status})
