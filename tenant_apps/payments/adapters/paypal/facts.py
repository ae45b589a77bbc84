"""PayPal's orders, captures, refunds, payouts and events in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from kernel.ids import parse_uuid
from kernel.money import Money

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus, if_paid
from . import units

Data = Mapping[str, Any]

_CAPTURES = {
    "COMPLETED": PaymentState.PAID,
    "PARTIALLY_REFUNDED": PaymentState.PAID,
    "REFUNDED": PaymentState.PAID,
    "PENDING": PaymentState.DELAYED,
    "DECLINED": PaymentState.FAILED,
    "FAILED": PaymentState.FAILED,
}
_REFUNDS = {
    "COMPLETED": RefundState.SUCCEEDED,
    "PENDING": RefundState.PENDING,
    "FAILED": RefundState.FAILED,
    "CANCELLED": RefundState.FAILED,
}
# UNCLAIMED waits up to 30 days for the payee to open an account, ONHOLD for PayPal's review.
_PAYOUTS = {
    "SUCCESS": RefundState.SUCCEEDED,
    "FAILED": RefundState.FAILED,
    "RETURNED": RefundState.FAILED,
    "BLOCKED": RefundState.FAILED,
    "REFUNDED": RefundState.FAILED,
    "REVERSED": RefundState.FAILED,
    "CANCELED": RefundState.FAILED,
    "DENIED": RefundState.FAILED,
}
_REFUND_EVENTS = {
    "PAYMENT.CAPTURE.REFUNDED": None,
    "PAYMENT.REFUND.PENDING": RefundState.PENDING,
    "PAYMENT.REFUND.FAILED": RefundState.FAILED,
}
_CAPTURE_EVENTS = frozenset(
    ["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.DECLINED"]
)


def normalise(event: Data) -> NormalizedEvent:
    """One event. Kinds we have no use for, and currencies we do not carry, become OTHER."""
    name, key, resource = str(event["event_type"]), str(event["id"]), event.get("resource") or {}
    nothing = NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=name)
    try:
        found = _deposit_event(name, key, resource) or _refund_event(name, key, resource)
        return found or _payout_event(name, key, resource) or nothing
    except (units.NotExpressible, KeyError, TypeError, IndexError):
        return nothing


def _deposit_event(name: str, key: str, resource: Data) -> NormalizedEvent | None:
    refetch, deposit_id = "", parse_uuid(resource.get("custom_id"))
    if name == "CHECKOUT.ORDER.APPROVED":
        # Nothing is paid yet: asking about the order captures it, outside of any transaction.
        refetch = str(resource["id"])
        deposit_id = parse_uuid(resource["purchase_units"][0].get("custom_id"))
        status = DepositStatus(state=PaymentState.OPEN, provider_reference=refetch)
    elif name in _CAPTURE_EVENTS:
        status = capture_status(resource, str(related_order(resource)))
    elif name == "PAYMENT.CAPTURE.REVERSED":
        above = capture_above(resource)
        status = _taken(resource["amount"], above or str(resource["id"]), PaymentState.REVERSED)
        status = replace(status, movement=str(resource["id"]) if above else key)  # it does not name the dispute
    elif name == "CUSTOMER.DISPUTE.RESOLVED" and _won_at_the_bank(resource):
        capture = str(resource["disputed_transactions"][0]["seller_transaction_id"])
        status = _taken(resource["dispute_amount"], capture, PaymentState.REINSTATED)
        status = replace(status, movement=str(resource["dispute_id"]))
    else:
        return None
    return NormalizedEvent(
        event_key=key, kind=EventKind.DEPOSIT, name=name, deposit_id=deposit_id, deposit=status, refetch=refetch
    )


def _won_at_the_bank(dispute: Data) -> bool:
    """Only a bank's chargeback takes money before it is decided; PayPal's own disputes hold it until then."""
    outcome = (dispute.get("dispute_outcome") or {}).get("outcome_code")
    return dispute.get("dispute_channel") == "EXTERNAL" and outcome == "RESOLVED_SELLER_FAVOUR"


def _taken(amount: Data, capture: str, state: PaymentState) -> DepositStatus:
    value, currency = str(amount["value"]).lstrip("-"), amount["currency_code"]
    return DepositStatus(
        state=state,
        provider_reference="",
        payment_reference=capture,
        amount=units.from_wire(value, currency),
        failure="chargeback",
        bank_amount=True,
    )


def _refund_event(name: str, key: str, resource: Data) -> NormalizedEvent | None:
    if name not in _REFUND_EVENTS:
        return None
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.REFUND,
        name=name,
        operation_id=operation_of(resource),
        refund=refund_status(resource, state=_REFUND_EVENTS[name]),
    )


def _payout_event(name: str, key: str, resource: Data) -> NormalizedEvent | None:
    if not name.startswith("PAYMENT.PAYOUTS-ITEM."):
        return None
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.PAYOUT,
        name=name,
        operation_id=parse_uuid(resource["payout_item"].get("sender_item_id")),
        refund=payout_status(resource),
    )


def capture_status(capture: Data, order_id: str, payer: Data | None = None) -> DepositStatus:
    """What a capture says of its payment."""
    amount = units.from_wire(capture["amount"]["value"], capture["amount"]["currency_code"])
    state = if_paid(_CAPTURES.get(str(capture.get("status")), PaymentState.DELAYED), amount)
    fee = (capture.get("seller_receivable_breakdown") or {}).get("paypal_fee")
    failed = state is PaymentState.FAILED
    return DepositStatus(
        state=state,
        provider_reference=order_id,
        payment_reference=str(capture["id"]),
        amount=amount,
        method="paypal",
        source=_source(payer or {}),
        source_country=str(((payer or {}).get("address") or {}).get("country_code") or ""),
        failure="declined" if failed else "",
        failure_text=str((capture.get("status_details") or {}).get("reason") or "") if failed else "",
        fee=_fee(fee),
    )


def _fee(amount: Data | None) -> Money | None:
    """A fee we cannot read is left out: it must not keep a payment from being booked."""
    if not amount:
        return None
    try:
        return units.from_wire(amount["value"], amount.get("currency_code") or amount.get("currency"))
    except (units.NotExpressible, KeyError):
        return None


def _source(payer: Data) -> str:
    """ "PayPal l•••@example.com": enough to tell two accounts apart."""
    name, at, host = str(payer.get("email_address") or "").partition("@")
    return f"PayPal {name[:1]}•••@{host}" if at else "PayPal"


def first_capture(order: Data) -> Data | None:
    unit = (order.get("purchase_units") or [{}])[0]
    captures = (unit.get("payments") or {}).get("captures") or []
    return captures[0] if captures else None


def refunds_of(order: Data) -> list[Data]:
    unit = (order.get("purchase_units") or [{}])[0]
    return list((unit.get("payments") or {}).get("refunds") or [])


def related_order(capture: Data) -> str:
    related = (capture.get("supplementary_data") or {}).get("related_ids") or {}
    return str(related.get("order_id") or "")


def capture_above(refund: Data) -> str:
    """The capture that a refund or reversal points up at."""
    above = (str(link.get("href", "")) for link in refund.get("links") or [] if link.get("rel") == "up")
    return next((href.rstrip("/").rpartition("/")[2] for href in above if "/captures/" in href), "")


def operation_of(refund: Data) -> UUID | None:
    return parse_uuid(refund.get("custom_id")) or parse_uuid(refund.get("invoice_id"))


def refund_status(refund: Data, *, state: RefundState | None = None, payment_reference: str = "") -> RefundStatus:
    """A refund from an answer, an order or an event; `state` where the event's name says it."""
    told = state or _REFUNDS.get(str(refund.get("status")), RefundState.PENDING)
    reason = str((refund.get("status_details") or {}).get("reason") or refund.get("status") or "failed")
    return RefundStatus(
        state=told,
        reference=str(refund["id"]),
        amount=units.from_wire(refund["amount"]["value"], refund["amount"]["currency_code"]),
        failure_text=reason if told is RefundState.FAILED else "",
        payment_reference=payment_reference or capture_above(refund),
    )


def payout_status(item: Data, batch_status: str = "") -> RefundStatus:
    """A payout's only item; of a batch that was denied as a whole the item says nothing itself."""
    status = "DENIED" if batch_status in {"DENIED", "CANCELED"} else str(item.get("transaction_status") or "PENDING")
    state = _PAYOUTS.get(status, RefundState.PENDING)
    amount, errors = item["payout_item"]["amount"], item.get("errors") or {}
    return RefundStatus(
        state=state,
        reference=str(item["payout_batch_id"]),
        amount=units.from_wire(amount["value"], amount["currency"]),
        failure_text=str(errors.get("message") or status) if state is RefundState.FAILED else "",
        fee=_fee(item.get("payout_item_fee")) if state is RefundState.SUCCEEDED else None,
    )
