"""Links, the attempts to pay them, refunds and disputes. Every change queues its webhook in the same transaction."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox.adyen.notifications import item, notify

# Adyen's own decimals (docs.adyen.com/development-resources/currency-codes): CLP and ISK 2, CVE and IDR 0.
DECIMALS: dict[str, int] = {
    **dict.fromkeys(
        ["AED", "AUD", "AZN", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "GEL",
         "HKD", "HUF", "ILS", "INR", "ISK", "KES", "KZT", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PLN",
         "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "UZS", "ZAR"], 2,
    ),
    **dict.fromkeys(["CVE", "DJF", "GNF", "IDR", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
                     "XPF"], 0),
    **dict.fromkeys(["BHD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}  # fmt: skip
TYPES = {
    "scheme": "Cards", "ideal": "iDEAL", "eps": "EPS", "bcmc": "Bancontact card", "blik": "BLIK", "trustly": "Trustly",
    "applepay": "Apple Pay", "googlepay": "Google Pay",
}  # fmt: skip
# What a holder name asks for (docs.adyen.com, "Result code testing"), and what the webhook's reason says then.
HOLDERS = {
    "DECLINED": "Refused",
    "NOT_ENOUGH_BALANCE": "Not enough balance",
    "CARD_EXPIRED": "Expired Card",
    "CVC_DECLINED": "CVC Declined",
    "BLOCK_CARD": "Blocked Card",
    "FRAUD": "FRAUD",
    "ERROR": "Acquirer Error",
}
AUTHENTICATED = frozenset({"4212345678910006"})  # asks for 3-D Secure


def reference(length: int = 16) -> str:
    return "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ23456789") for _ in range(length))


def open_link(store: Accounts, merchant: str, amount: Document, ref: str, values: Document, base: str) -> Document:
    identifier = f"PL{reference()}"
    until = values.get("expiresAt") or (datetime.now(UTC) + timedelta(hours=24)).isoformat(timespec="seconds")
    given = {name: value for name, value in values.items() if name not in {"amount", "reference"}}
    link: Document = {
        **given,
        "id": identifier,
        "amount": amount,
        "reference": ref,
        "expiresAt": until,
        "status": "active",
        "url": f"{base}/pay/{identifier}",
    }
    return store.put(merchant, "links", link)


def aged(store: Accounts, merchant: str, link: Document) -> Document:
    """The link, expired if its time is over."""
    over = datetime.fromisoformat(link["expiresAt"]).timestamp() <= time.time()
    if link["status"] == "active" and over:
        return store.put(merchant, "links", {**link, "status": "expired"})
    return link


def major(amount: Document) -> Decimal:
    return Decimal(amount["value"]).scaleb(-DECIMALS[amount["currency"]])


def attempt(store: Accounts, merchant: str, link: Document, *, method: str, outcome: str, reason: str = "",
            last4: str = "") -> Document:  # fmt: skip
    """One try to pay: Authorised ends the link, Refused leaves it open, Pending (asynchronous methods) waits."""
    payment = store.put(merchant, "payments", {
        "id": reference(), "link": link["id"], "merchantReference": link["reference"], "amount": link["amount"],
        "status": outcome, "method": method, "last4": last4, "refused": reason,
    })  # fmt: skip
    if outcome == "Pending":
        store.put(merchant, "links", {**link, "status": "paymentPending"})
        return payment
    if outcome == "Authorised":
        store.put(merchant, "links", {**link, "status": "completed"})
    _tell_authorisation(store, merchant, payment)
    return payment


def settle(store: Accounts, merchant: str, payment: Document, *, good: bool) -> Document | None:
    """The bank's word on a pending payment."""
    link = store.get(merchant, "links", payment["link"])
    if payment["status"] != "Pending" or link is None:
        return None
    payment |= {"status": "Authorised" if good else "Refused", "refused": "" if good else "Refused"}
    store.put(merchant, "payments", payment)
    store.put(merchant, "links", {**link, "status": "completed" if good else "active"})
    _tell_authorisation(store, merchant, payment)
    return payment


def _tell_authorisation(store: Accounts, merchant: str, payment: Document) -> None:
    data = {"paymentLinkId": str(payment["link"])}
    if payment["last4"]:
        data |= {"cardSummary": payment["last4"], "cardIssuingCountry": "NL"}
    good = payment["status"] == "Authorised"
    notify(store, merchant, item(
        merchant, "AUTHORISATION", psp=payment["id"], reference=payment["merchantReference"], amount=payment["amount"],
        success=good, reason="" if good else payment["refused"], method=payment["method"], data=data,
    ))  # fmt: skip


def refund(store: Accounts, merchant: str, payment: Document, amount: Document, ref: str) -> Document:
    """Takes it on; whether it can be done is found out afterwards, and told by webhook."""
    made = store.put(merchant, "refunds", {
        "id": reference(), "merchantAccount": merchant, "paymentPspReference": payment["id"], "amount": amount,
        "reference": ref or payment["merchantReference"], "_state": "received",
    })  # fmt: skip
    if not store.settings(merchant).get("hold_refunds"):
        process(store, merchant, made)
    return made


def process(store: Accounts, merchant: str, made: Document) -> Document | None:
    """Carry a refund out, if the payment has that much left."""
    payment = store.get(merchant, "payments", made["paymentPspReference"])
    if made["_state"] != "received" or payment is None:
        return None
    taken = sum(
        one["amount"]["value"]
        for one in store.all(merchant, "refunds")
        if one["paymentPspReference"] == payment["id"] and one["_state"] == "refunded"
    )
    same = made["amount"]["currency"] == payment["amount"]["currency"]
    good = same and payment["status"] == "Authorised" and taken + made["amount"]["value"] <= payment["amount"]["value"]
    store.put(merchant, "refunds", {**made, "_state": "refunded" if good else "refused"})
    reason = "" if good else "Insufficient balance on payment" if same else "Currency mismatch"
    _tell_refund(store, merchant, made, "REFUND", good=good, reason=reason)
    return made


def fail_refund(store: Accounts, merchant: str, made: Document) -> Document | None:
    """The bank sends it back after it was carried out."""
    if made["_state"] != "refunded":
        return None
    store.put(merchant, "refunds", {**made, "_state": "failed"})
    _tell_refund(store, merchant, made, "REFUND_FAILED", good=True, reason="Account closed")
    return made


def _tell_refund(store: Accounts, merchant: str, made: Document, code: str, *, good: bool, reason: str) -> None:
    notify(store, merchant, item(
        merchant, code, psp=made["id"], original=made["paymentPspReference"], reference=made["reference"],
        amount=made["amount"], success=good, reason=reason,
    ))  # fmt: skip


def about(store: Accounts, merchant: str, payment: Document, code: str, values: dict[str, Any]) -> Document:
    """An event of a payment: CHARGEBACK, CHARGEBACK_REVERSED, CANCELLATION, CAPTURE_FAILED and others.

    All news of a dispute has the dispute's own reference, a second chargeback too (docs.adyen.com, "Dispute webhooks").
    """
    psp = reference()
    if "CHARGEBACK" in code:
        psp = payment.get("_dispute") or psp
        payment = store.put(merchant, "payments", {**payment, "_dispute": psp})
    reason = str(values.get("reason") or ("Cardholder dispute" if "CHARGEBACK" in code else ""))
    notify(store, merchant, item(
        merchant, code, psp=psp, original=payment["id"], reference=payment["merchantReference"],
        amount=payment["amount"], reason=reason, method=payment["method"],
    ))  # fmt: skip
    return payment
