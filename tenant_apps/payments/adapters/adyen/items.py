"""Notification items (standard webhooks): their signature, and what they say in our words.

The signature covers pspReference, originalReference, merchantAccountCode, merchantReference, amount, eventCode and success
(docs.adyen.com, "Verify HMAC signatures"). What moves money is read from these alone; reason, method and the masked card
are unsigned and only shown to people.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from kernel.ids import parse_uuid

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus
from . import units

Item = Mapping[str, Any]

# Pieces of Adyen's refusal reasons (docs.adyen.com, "Refusal reasons") and the code a client can act on.
_FAILURES = (
    ("not enough balance", "insufficient_funds"),
    ("insufficient", "insufficient_funds"),
    ("withdrawal amount exceeded", "insufficient_funds"),
    ("expired card", "expired_card"),
    ("cvc", "wrong_details"),
    ("invalid card", "wrong_details"),
    ("invalid pin", "wrong_details"),
    ("3d", "authentication"),
    ("authentication required", "authentication"),
    ("fraud", "fraud"),
    ("cancelled", "cancelled"),
    ("error", "error"),
    ("unavailable", "error"),
)
# Events that take a payment back before it was settled: nothing of it arrives.
_VOIDS = frozenset({"CANCELLATION", "TECHNICAL_CANCEL", "CAPTURE_FAILED", "EXPIRE"})
_REFUNDS = frozenset({"REFUND", "REFUND_FAILED", "REFUNDED_REVERSED", "CANCEL_OR_REFUND"})
_DISPUTES = {
    "CHARGEBACK": PaymentState.REVERSED,
    "SECOND_CHARGEBACK": PaymentState.REVERSED,
    "CHARGEBACK_REVERSED": PaymentState.REINSTATED,
}


def signature(key: bytes, item: Item) -> str:
    """Base64 HMAC-SHA256 over the eight signed fields, "" for one that is missing."""
    amount = item.get("amount") or {}
    fields = (
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    )
    signed = ":".join("" if value is None else _text(value) for value in fields)
    return base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()


def is_genuine(key: bytes, item: Item) -> bool:
    given = (item.get("additionalData") or {}).get("hmacSignature")
    return isinstance(given, str) and hmac.compare_digest(signature(key, item).encode(), given.encode())


def _text(value: object) -> str:
    """Booleans as JSON writes them: `success` comes as text, but has come as a boolean too."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def normalise(item: Item, merchant_account: str) -> NormalizedEvent:
    """One item. Other merchant accounts' news, kinds of no consequence and currencies we do not carry become OTHER."""
    name = str(item["eventCode"])
    # "pspReference and eventCode" identify an event; a later success may overrule a refusal under the same reference.
    key = f"{item['pspReference']}:{name}:{_text(item['success'])}"
    nothing = NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=name)
    if str(item["merchantAccountCode"]) != merchant_account:
        return nothing
    try:
        if name in _REFUNDS:
            return _refund(item, name, key)
        status = _deposit(item, name)
    except (units.NotExpressible, KeyError, TypeError):
        return nothing
    if status is None:
        return nothing
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.DEPOSIT,
        name=name,
        deposit_id=parse_uuid(item.get("merchantReference")),
        deposit=status,
    )


def _happened(item: Item) -> bool:
    return _text(item["success"]) == "true"


def _money(item: Item) -> Any:
    return units.from_wire(int(item["amount"]["value"]), str(item["amount"]["currency"]))


def _deposit(item: Item, name: str) -> DepositStatus | None:
    if name == "AUTHORISATION":
        return _authorisation(item)
    state = PaymentState.FAILED if name in _VOIDS else _DISPUTES.get(name)
    if state is None or not _happened(item):
        return None
    return DepositStatus(
        state=state,
        provider_reference="",
        payment_reference=str(item.get("originalReference") or ""),
        amount=_money(item),
        failure="voided" if name in _VOIDS else "chargeback",
        failure_text=str(item.get("reason") or ""),
        dispute=_round(item, name),
        bank_amount=True,
        follows=str(item["pspReference"]) if name == "SECOND_CHARGEBACK" else "",
    )


def _round(item: Item, name: str) -> str:
    """All news of a dispute has its pspReference (docs.adyen.com, "Dispute webhooks"); a second chargeback comes after
    the first was reversed, and is a round of its own."""
    if name not in _DISPUTES:
        return ""
    return f"{item['pspReference']}:2" if name == "SECOND_CHARGEBACK" else str(item["pspReference"])


def _authorisation(item: Item) -> DepositStatus:
    """Authorised is paid: accounts capture at once (docs/providers/adyen.md). Refused, the link stays open for another try,
    whose payment has another reference, so this one is not kept."""
    data = item.get("additionalData") or {}
    reason = str(item.get("reason") or "")
    if not _happened(item) or _money(item).minor <= 0:
        return DepositStatus(
            state=PaymentState.OPEN, provider_reference="", failure=_failure(reason), failure_text=reason
        )  # fmt: skip
    return DepositStatus(
        state=PaymentState.PAID,
        provider_reference="",
        payment_reference=str(item["pspReference"]),
        amount=_money(item),
        source=_source(str(item.get("paymentMethod") or ""), str(data.get("cardSummary") or "")),
        source_country=str(data.get("cardIssuingCountry") or ""),
    )


def _source(method: str, last4: str) -> str:
    brand = {"mc": "Mastercard", "visa": "Visa", "amex": "American Express"}.get(method, method.title())
    return f"{brand} •••• {last4[-4:]}" if last4.isdecimal() else brand


def _failure(reason: str) -> str:
    words = reason.lower()
    return next((code for piece, code in _FAILURES if piece in words), "declined")


def _refund(item: Item, name: str, key: str) -> NormalizedEvent:
    """REFUND with success: Adyen has sent it. REFUND_FAILED and REFUNDED_REVERSED: it came back, perhaps days later."""
    good = _happened(item) and name in {"REFUND", "CANCEL_OR_REFUND"}
    status = RefundStatus(
        state=RefundState.SUCCEEDED if good else RefundState.FAILED,
        reference=str(item["pspReference"]),
        amount=_money(item),
        failure_text="" if good else str(item.get("reason") or name),
        payment_reference=str(item.get("originalReference") or ""),
    )
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.REFUND,
        name=name,
        operation_id=parse_uuid(item.get("merchantReference")),
        refund=status,
    )
