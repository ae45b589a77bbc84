"""Praxis' sessions and transactions in our words.

Statuses: doc.praxiscashier.com "Transaction Flow" and "Notification". Two of them are not what they seem: a rejected
payment leaves its session open for another try, and a payout or refund in "error" may have been carried out, which
somebody has to look up there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kernel.money import Money

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus, if_paid
from .signing import at
from .units import Units

_OVER = frozenset({"expired", "failed"})  # of a session: nothing can be tried any more
_PAID = frozenset({"approved", "partial_refund", "refund", "duplicated"})
_DECLINED = frozenset({"rejected", "declined"})
_LEFT = frozenset({"cancelled", "canceled"})
_BACK = frozenset({"chargeback", "reversed"})
_OUT_FAILED = _DECLINED | _LEFT | _BACK
_WORDS = (
    ("insufficient", "insufficient_funds"), ("expired card", "expired_card"), ("3d", "authentication"),
    ("authentic", "authentication"), ("fraud", "fraud"), ("cvv", "wrong_details"),
)  # fmt: skip


def order_id(message: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID(str(at(message, "session.order_id")))
    except ValueError:
        return None


def is_out(message: Mapping[str, Any]) -> str:
    """`refund`, `payout`, or nothing for a payment in."""
    kind = str(at(message, "transaction.transaction_type") or "")
    if kind in {"refund", "payout"}:
        return kind
    return {"withdrawal": "payout", "refund": "refund"}.get(str(at(message, "session.intent") or ""), "")


def amount_of(fact: Mapping[str, Any], units: Units) -> Money:
    """What was really paid, in our currency.

    Processed in the same currency, it is what was processed. Processed in another, Praxis has converted: `amount` is
    what that was worth in ours, and what its pages tell us to credit ("Understanding Amounts").
    """
    same = fact.get("processed_currency") in (None, fact.get("currency"))
    value = fact.get("processed_amount") if same else None
    return units.from_wire(fact["amount"] if value is None else value, fact["currency"])


def deposit_status(message: Mapping[str, Any], units: Units) -> DepositStatus:
    """A payment in, from a notification or a question; without a transaction it is the session that speaks."""
    fact = message.get("transaction") or {}
    over = str(at(message, "session.session_status")) in _OVER
    reference = str(at(message, "session.order_id") or "")
    if not fact:
        return DepositStatus(
            state=PaymentState.EXPIRED if over else PaymentState.OPEN, provider_reference=reference
        )  # fmt: skip
    status = str(fact.get("transaction_status"))
    amount, failure = amount_of(fact, units), _failure(status, str(fact.get("status_details") or ""))
    return DepositStatus(
        state=if_paid(_state(status, over=over), amount),
        provider_reference=reference,
        payment_reference=str(fact["tid"]),
        amount=amount,
        source=_source(fact),
        source_country=str(at(fact, "card.card_issuer_country") or "")[:2],
        failure=failure,
        failure_text=str(fact.get("status_details") or "") if failure else "",
    )


def _state(status: str, *, over: bool) -> PaymentState:
    if status in _PAID:
        return PaymentState.PAID
    if status in _BACK:
        return PaymentState.REVERSED
    if status == "authorized":
        return PaymentState.AUTHORISED
    if over and status in _DECLINED | _LEFT | {"error"}:
        return PaymentState.FAILED
    return PaymentState.OPEN  # initialized, pending, pending_async, and what was declined in a session that goes on


def _failure(status: str, words: str) -> str:
    if status in _LEFT:
        return "cancelled"
    if status in _BACK:
        return "chargeback"
    if status == "error":
        return "error"
    if status not in _DECLINED:
        return ""
    return next((code for piece, code in _WORDS if piece in words.lower()), "declined")


def _source(fact: Mapping[str, Any]) -> str:
    number = "".join(char for char in str(at(fact, "card.card_number") or "") if char.isdigit())
    if number:
        return f"{str(at(fact, 'card.card_type') or 'Card').title()} •••• {number[-4:]}"
    return str(fact.get("payment_method") or "")


def out_status(message: Mapping[str, Any], units: Units) -> RefundStatus:
    """A refund or payout. A payout is called by our order, which is known before Praxis has a transaction."""
    fact = message.get("transaction") or {}
    session = message.get("session") or {}
    money = fact or session
    status = str(fact.get("transaction_status") or "")
    state = RefundState.PENDING
    if status in _OUT_FAILED or (not fact and str(session.get("session_status")) in _OVER):
        state = RefundState.FAILED
    elif status in _PAID:
        state = RefundState.SUCCEEDED
    refund = is_out(message) == "refund"
    return RefundStatus(
        state=state,
        reference=str(fact["tid"]) if refund and fact else str(session.get("order_id") or ""),
        amount=units.from_wire(money["amount"], money["currency"]),
        failure_text="" if state is RefundState.SUCCEEDED else _out_words(status, fact, state),
        payment_reference=str(fact.get("reference_id") or "") if refund else "",
    )


def _out_words(status: str, fact: Mapping[str, Any], state: RefundState) -> str:
    if state is RefundState.FAILED or status == "error":
        return str(fact.get("status_details") or status or "expired")
    return ""


def events_of(message: Mapping[str, Any], units: Units) -> list[NormalizedEvent]:
    """A notification. The status is not among the signed values, so that money in is asked about before it is believed."""
    fact = message.get("transaction") or {}
    status = str(fact.get("transaction_status") or at(message, "session.session_status"))
    ours = order_id(message)
    key = f"{fact.get('tid') or at(message, 'session.order_id')}:{status}:{fact.get('amount', '')}"
    kind = is_out(message)
    known = units.fraction(str(at(message, "transaction.currency") or at(message, "session.currency")).upper())
    if not known or not (fact or message.get("session")):
        return [NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=status)]
    reference = str(at(message, "session.order_id") or "")
    if kind:
        told = out_status(message, units)
        return [
            NormalizedEvent(
                event_key=key, kind=EventKind.PAYOUT if kind == "payout" else EventKind.REFUND, name=f"{kind} {status}",
                operation_id=ours, refund=told, refetch=reference if status == "requested" else "",
            )
        ]  # fmt: skip
    paid = deposit_status(message, units)
    return [
        NormalizedEvent(
            event_key=key, kind=EventKind.DEPOSIT, name=status, deposit_id=ours, deposit=paid,
            refetch=reference if paid.state in (PaymentState.PAID, PaymentState.REVERSED) else "",
        )
    ]  # fmt: skip
