"""Stripe's events and objects in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.ids import parse_uuid
from kernel.money import Money

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus, if_paid
from . import disputes, units

# docs.stripe.com/declines/codes, gathered into what a client can act on.
_FAILURES = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "incorrect_cvc": "wrong_details",
    "incorrect_number": "wrong_details",
    "invalid_expiry_year": "wrong_details",
    "authentication_required": "authentication",
    "payment_intent_authentication_failure": "authentication",
    "payment_method_provider_decline": "declined",
    "fraudulent": "fraud",
    "lost_card": "declined",
    "stolen_card": "declined",
    "processing_error": "error",
}
_REFUNDS = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


def normalise(event: Mapping[str, Any]) -> NormalizedEvent:
    """One snapshot event. Kinds we did not ask for become OTHER."""
    name, obj, key = str(event["type"]), event["data"]["object"], str(event["id"])
    if name.startswith("checkout.session."):
        return _session(name, key, obj)
    if name == "payment_intent.payment_failed":
        return _failed_attempt(name, key, obj)
    if name.startswith("charge.dispute."):
        return _dispute(name, key, obj)
    if name.startswith("refund."):
        return NormalizedEvent(
            event_key=key,
            kind=EventKind.REFUND,
            name=name,
            operation_id=parse_uuid((obj.get("metadata") or {}).get("operation_id")),
            refund=refund_status(obj),
        )
    return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=name)


def _session(name: str, key: str, session: Mapping[str, Any]) -> NormalizedEvent:
    paid = session.get("payment_status") == "paid"
    state = {
        "checkout.session.completed": PaymentState.PAID if paid else PaymentState.DELAYED,
        "checkout.session.async_payment_succeeded": PaymentState.PAID,
        "checkout.session.async_payment_failed": PaymentState.FAILED,
        "checkout.session.expired": PaymentState.EXPIRED,
    }.get(name)
    if state is None:
        return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=name)
    amount = units.from_wire(int(session["amount_total"]), str(session["currency"]))
    status = DepositStatus(
        state=if_paid(state, amount),
        provider_reference=str(session["id"]),
        payment_reference=str(session.get("payment_intent") or ""),
        amount=amount,
        failure="declined" if state is PaymentState.FAILED else "",
    )
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.DEPOSIT,
        name=name,
        deposit_id=parse_uuid(session.get("client_reference_id")),
        deposit=status,
    )


def _failed_attempt(name: str, key: str, intent: Mapping[str, Any]) -> NormalizedEvent:
    """A declined attempt: the page stays open and the payer may try again, so the payment is still OPEN."""
    error = intent.get("last_payment_error") or {}
    code = str(error.get("decline_code") or error.get("code") or "")
    status = DepositStatus(
        state=PaymentState.OPEN,
        provider_reference="",
        payment_reference=str(intent["id"]),
        failure=_FAILURES.get(code, "declined"),
        failure_text=str(error.get("message") or code),
    )
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.DEPOSIT,
        name=name,
        deposit_id=parse_uuid((intent.get("metadata") or {}).get("deposit_id")),
        deposit=status,
    )


def _dispute(name: str, key: str, dispute: Mapping[str, Any]) -> NormalizedEvent:
    status = disputes.told(name, dispute)
    if status is None:
        return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=name)
    return NormalizedEvent(event_key=key, kind=EventKind.DEPOSIT, name=name, deposit=status)


def refund_status(refund: Any) -> RefundStatus:
    """A Refund object, from the API or inside an event."""
    data = refund.to_dict() if hasattr(refund, "to_dict") else refund
    return RefundStatus(
        state=_REFUNDS.get(str(data["status"]), RefundState.PENDING),
        reference=str(data["id"]),
        amount=units.from_wire(int(data["amount"]), str(data["currency"])),
        failure_text=str(data.get("failure_reason") or ""),
        payment_reference=str(data.get("payment_intent") or ""),
    )


def fee_of(charge: Mapping[str, Any]) -> Money | None:
    """What Stripe keeps of a charge, by its expanded balance transaction: in the currency that our balance there is in. None
    while there is no such transaction (a debit that is on its way), and of a currency that we do not carry."""
    booked = charge.get("balance_transaction")
    if not isinstance(booked, Mapping):
        return None
    try:
        return units.from_wire(int(booked["fee"]), str(booked["currency"]))
    except units.NotExpressible:
        return None


def source_of(charge: Mapping[str, Any]) -> tuple[str, str, str]:
    """(method, masked instrument, country) of a charge; empty texts when it is not known."""
    details = charge.get("payment_method_details") or {}
    kind = str(details.get("type", ""))
    data = details.get(kind) or {}
    if kind == "card":
        return (
            kind,
            f"{str(data.get('brand', '')).title()} •••• {data.get('last4', '')}",
            str(data.get("country") or ""),
        )
    if kind == "sepa_debit":
        return kind, f"{data.get('country', '')} •••• {data.get('last4', '')}", str(data.get("country") or "")
    if kind == "ideal":
        return kind, f"iDEAL {data.get('bank') or ''} •••• {data.get('iban_last4') or ''}".strip(), "NL"
    return kind, kind.replace("_", " ").title() if kind else "", ""
