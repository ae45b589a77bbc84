"""Tap's charges and refunds in our words (developers.tap.company: charges, refunds; statuses as seen in its SDKs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kernel.ids import parse_uuid
from kernel.money import CurrencyUnknown, Money

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus, if_paid
from .units import from_wire

_CHARGES = {
    "INITIATED": PaymentState.OPEN,
    "IN_PROGRESS": PaymentState.OPEN,
    "UNKNOWN": PaymentState.OPEN,
    "AUTHORIZED": PaymentState.AUTHORISED,
    "CAPTURED": PaymentState.PAID,
    "ABANDONED": PaymentState.EXPIRED,
    "TIMEDOUT": PaymentState.EXPIRED,
    "CANCELLED": PaymentState.EXPIRED,
    "FAILED": PaymentState.FAILED,
    "DECLINED": PaymentState.FAILED,
    "RESTRICTED": PaymentState.FAILED,
    "VOID": PaymentState.FAILED,
}
# A status that we do not know is under way rather than lost.
_REFUNDS = {
    "REFUNDED": RefundState.SUCCEEDED,
    "DECLINED": RefundState.FAILED,
    "FAILED": RefundState.FAILED,
    "RESTRICTED": RefundState.FAILED,
    "CANCELLED": RefundState.FAILED,
}
_FAILURES = {"CANCELLED": "cancelled", "ABANDONED": "expired", "TIMEDOUT": "expired", "VOID": "voided",
             "RESTRICTED": "fraud", "FAILED": "error"}  # fmt: skip
_WORDS = (
    ("insufficient", "insufficient_funds"),
    ("expired", "expired_card"),
    ("3d", "authentication"),
    ("authentic", "authentication"),
    ("cvv", "wrong_details"),
    ("pin", "wrong_details"),
    ("risk", "fraud"),
    ("fraud", "fraud"),
)


def deposit_status(data: Mapping[str, Any]) -> DepositStatus:
    status = str(data["status"])
    amount = from_wire(data["amount"], data["currency"])
    state = if_paid(_CHARGES.get(status, PaymentState.OPEN), amount)
    words = str((data.get("response") or {}).get("message") or "")
    failed = state in (PaymentState.FAILED, PaymentState.EXPIRED)
    reference = str(data["id"])
    return DepositStatus(
        state=state,
        provider_reference=reference,
        payment_reference=reference,
        amount=amount,
        source=_source(data),
        failure=_failure(status, words) if failed else "",
        failure_text=words or status if failed else "",
        fee=_fee(data),
    )


def _source(data: Mapping[str, Any]) -> str:
    card = data.get("card") or {}
    scheme = str(card.get("brand") or card.get("scheme") or (data.get("source") or {}).get("payment_method") or "")
    last4 = str(card.get("last_four") or "")
    return " ".join(filter(None, [scheme.title() if scheme.isupper() else scheme, f"•••• {last4}" if last4 else ""]))


def _failure(status: str, words: str) -> str:
    lower = words.lower()
    return _FAILURES.get(status) or next((code for piece, code in _WORDS if piece in lower), "declined")


def _fee(data: Mapping[str, Any]) -> Money | None:
    """What Tap keeps. No page we could read shows where a charge tells it; `fee {amount, currency}` is a guess that costs
    nothing when it is wrong."""
    told = data.get("fee")
    if not isinstance(told, Mapping) or told.get("amount") is None:
        return None
    try:
        return from_wire(told["amount"], told.get("currency") or data["currency"])
    except (ValueError, ArithmeticError, KeyError):  # it must not keep a payment from being booked
        return None


def refund_status(data: Mapping[str, Any]) -> RefundStatus:
    state = _REFUNDS.get(str(data["status"]), RefundState.PENDING)
    words = str((data.get("response") or {}).get("message") or data["status"])
    return RefundStatus(
        state=state,
        reference=str(data["id"]),
        amount=from_wire(data["amount"], data["currency"]),
        failure_text=words if state is RefundState.FAILED else "",
        payment_reference=str(data.get("charge_id") or ""),
    )


def operation_of(refund: Mapping[str, Any]) -> UUID | None:
    return parse_uuid((refund.get("reference") or {}).get("merchant"))


def event(data: Mapping[str, Any]) -> NormalizedEvent:
    """A webhook is the object itself: its id and status make the fact.

    The signature does not cover which deposit the charge was for. So a charge's news only makes us ask (`refetch`).
    """
    kind = "refund" if data.get("object") == "refund" or str(data["id"]).startswith("re_") else "charge"
    key = f"{kind}:{data['id']}:{data['status']}"
    try:
        if kind == "refund":
            return NormalizedEvent(
                event_key=key,
                kind=EventKind.REFUND,
                name=kind,
                operation_id=operation_of(data),
                refund=refund_status(data),
            )
        return NormalizedEvent(
            event_key=key,
            kind=EventKind.DEPOSIT,
            name=kind,
            deposit_id=parse_uuid((data.get("reference") or {}).get("order")),
            deposit=deposit_status(data),
            refetch=str(data["id"]),
        )
    except CurrencyUnknown:
        return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=kind)
