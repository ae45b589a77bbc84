"""dLocal's payments, refunds, payouts and chargebacks in our words.

Status codes: docs.dlocal.com/reference/{payment-status-codes, refund-status-codes, payout-status-v3, chargeback-status}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kernel.ids import parse_uuid
from kernel.money import CurrencyUnknown, Money

from ...ports import (
    DepositStatus,
    EventKind,
    NormalizedEvent,
    PaymentState,
    RefundState,
    RefundStatus,
    if_paid,
)
from .countries import method_code
from .units import from_wire

_PAYMENTS = {
    "PENDING": PaymentState.OPEN,
    "VERIFIED": PaymentState.OPEN,
    "AUTHORIZED": PaymentState.AUTHORISED,
    "PAID": PaymentState.PAID,
    "REJECTED": PaymentState.FAILED,
    "CANCELLED": PaymentState.EXPIRED,
    "EXPIRED": PaymentState.EXPIRED,
}
_REFUNDS = {
    "SUCCESS": RefundState.SUCCEEDED,
    "REJECTED": RefundState.FAILED,
    "CANCELLED": RefundState.FAILED,
}
_PAYOUTS = {
    "PENDING": RefundState.PENDING,
    "DELIVERED": RefundState.PENDING,
    "ON_HOLD": RefundState.PENDING,
    "ON_HOLD_BY_COMPLIANCE": RefundState.PENDING,
    "PAID": RefundState.SUCCEEDED,
    "REJECTED": RefundState.FAILED,
    "CANCELLED": RefundState.FAILED,
}
# The money leaves with COMPLETED and returns with REVERSAL; the steps between are papers (docs: chargeback-status).
_CHARGEBACKS = {"COMPLETED": PaymentState.REVERSED, "REVERSAL": PaymentState.REINSTATED}
_FAILURES = {
    "302": "insufficient_funds", "303": "fraud", "304": "fraud", "308": "declined", "309": "expired_card",
    "310": "fraud", "313": "fraud", "314": "wrong_details", "315": "wrong_details", "317": "fraud",
    "320": "authentication", "321": "error", "323": "wrong_details", "324": "wrong_details",
}  # fmt: skip
_BRANDS = {"VI": "Visa", "VD": "Visa", "MC": "Mastercard", "MD": "Mastercard", "AE": "American Express"}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def deposit_status(data: Mapping[str, Any]) -> DepositStatus:
    """A payment from an answer or a notification."""
    state = if_paid(_PAYMENTS.get(str(data["status"]), PaymentState.OPEN), _amount(data))
    failed = state in (PaymentState.FAILED, PaymentState.EXPIRED)
    reference = str(data["id"])
    return DepositStatus(
        state=state,
        provider_reference=reference,
        payment_reference=reference,
        amount=_amount(data),
        method=method_code(str(data.get("payment_method_id", "")), str(data.get("payment_method_type", ""))),
        source=_source(data.get("card") or {}),
        failure=_failure(state, data) if failed else "",
        failure_text=str(data.get("status_detail") or "") if failed else "",
    )


def _amount(data: Mapping[str, Any]) -> Money:
    return from_wire(data["amount"], data["currency"])


def _source(card: Mapping[str, Any]) -> str:
    brand = str(card.get("brand") or "")
    last4 = str(card.get("last4") or "")
    return f"{_BRANDS.get(brand, brand)} •••• {last4}".strip() if last4 else ""


def _failure(state: PaymentState, data: Mapping[str, Any]) -> str:
    if state is PaymentState.EXPIRED:
        return "expired" if data["status"] == "EXPIRED" else "cancelled"
    return _FAILURES.get(str(data.get("status_code", "")), "declined")


def refund_status(data: Mapping[str, Any]) -> RefundStatus:
    """A refund; a status that we do not know is not the end of it. Older answers call the payment `id_payment`."""
    state = _REFUNDS.get(str(data["status"]), RefundState.PENDING)
    return RefundStatus(
        state=state,
        reference=str(data["id"]),
        amount=_amount(data),
        failure_text=str(data.get("status_detail") or data["status"]) if state is RefundState.FAILED else "",
        payment_reference=str(data.get("payment_id") or data.get("id_payment") or ""),
    )


def payout_status(data: Mapping[str, Any]) -> RefundStatus:
    """A payout; a status that we do not know is not the end of it."""
    state = _PAYOUTS.get(str(data["status"]), RefundState.PENDING)
    return RefundStatus(
        state=state,
        reference=str(data["id"]),
        amount=_amount(data),
        failure_text=str(data.get("status_detail") or data["status"]) if state is RefundState.FAILED else "",
        fee=_fee(data),
    )


def _fee(data: Mapping[str, Any]) -> Money | None:
    """What dLocal keeps for the payout, where the answer says so; in the payout's currency unless named otherwise. A fee we
    cannot read is left out: it must not keep a payment from being booked."""
    told = data.get("amount_details") or {}
    if told.get("fees") is None:
        return None
    try:
        return from_wire(told["fees"], told.get("currency") or data["currency"])
    except (ValueError, ArithmeticError, KeyError):
        return None


def operation_of(data: Mapping[str, Any]) -> UUID | None:
    """Our operation id out of a refund's description, the only text of ours that a refund keeps."""
    found = _UUID.search(str(data.get("description") or ""))
    return UUID(found.group()) if found else None


def event(data: Mapping[str, Any]) -> NormalizedEvent:
    """A notification is the object itself and has no id of its own: the object's and its status make the fact."""
    kind = _kind(data)
    key = f"{kind}:{data['id']}:{data['status']}:{data.get('status_code', '')}"
    try:
        return _READERS[kind](data, key)
    except CurrencyUnknown:  # refused, dLocal would repeat it for days
        return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=kind)


def _kind(data: Mapping[str, Any]) -> str:
    if "external_id" in data:
        return "payout"
    if "payment_id" not in data and "id_payment" not in data:
        return "payment"
    disputed = "reason_code" in data or "chargeback" in str(data.get("status_detail", "")).lower()
    return "chargeback" if disputed else "refund"


def _payment_event(data: Mapping[str, Any], key: str) -> NormalizedEvent:
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.DEPOSIT,
        name="payment",
        deposit_id=parse_uuid(data.get("order_id")),
        deposit=deposit_status(data),
    )


def _refund_event(data: Mapping[str, Any], key: str) -> NormalizedEvent:
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.REFUND,
        name="refund",
        operation_id=operation_of(data),
        refund=refund_status(data),
    )


def _payout_event(data: Mapping[str, Any], key: str) -> NormalizedEvent:
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.PAYOUT,
        name="payout",
        operation_id=parse_uuid(data.get("external_id")),
        refund=payout_status(data),
    )


def _chargeback_event(data: Mapping[str, Any], key: str) -> NormalizedEvent:
    state = _CHARGEBACKS.get(str(data["status"]))
    if state is None:
        return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name="chargeback")
    payment = str(data["payment_id"])
    status = DepositStatus(
        state=state,
        provider_reference=payment,
        payment_reference=payment,
        amount=_amount(data),
        failure="chargeback" if state is PaymentState.REVERSED else "",
        failure_text=str(data.get("status_detail") or ""),
        dispute=str(data["id"]),
        bank_amount=True,
    )
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.DEPOSIT,
        name="chargeback",
        deposit_id=parse_uuid(data.get("order_id")),
        deposit=status,
    )


_READERS = {
    "payment": _payment_event,
    "refund": _refund_event,
    "payout": _payout_event,
    "chargeback": _chargeback_event,
}
