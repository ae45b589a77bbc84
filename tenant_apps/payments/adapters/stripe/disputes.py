"""Stripe's disputes in our words: whether the payer's bank has taken money, or given it back.

A dispute keeps its id through its life. It may begin as an inquiry (statuses that begin with `warning`), which moves nothing
and may close so; one that escalates becomes a real dispute of the same id, told by `updated` and `funds_withdrawn` only.
What moved stands in `balance_transactions`, "zero, one, or two balance transactions that show funds withdrawn and
reinstated" (docs.stripe.com/api/disputes/object), and that is believed before the status: a payment that had been given back
in whole is disputed without anything being withdrawn. Events come in any order and show the dispute as it was when they
were made, so each says what it shows, and the rounds (services/rounds.py) keep each movement single.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kernel.money import Money

from ...ports import DepositStatus, PaymentState
from . import units

EVENTS = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
_REAL = frozenset({"needs_response", "under_review", "lost"})


def told(name: str, dispute: Mapping[str, Any]) -> DepositStatus | None:
    """What an event says of the payment; None when, as far as it shows, nothing has moved."""
    state = _shown(dispute) or _named(name, str(dispute.get("status", "")))
    return None if state is None else _status(state, dispute)


def standing(disputes: Iterable[Mapping[str, Any]]) -> DepositStatus | None:
    """Of all disputes of a payment, newest first: the one that has money of it now, else the one that gave it back last."""
    found = [(state, one) for one in disputes if (state := _shown(one)) is not None]
    found.sort(key=lambda pair: pair[0] is not PaymentState.REVERSED)
    return _status(*found[0]) if found else None


def _shown(dispute: Mapping[str, Any]) -> PaymentState | None:
    amounts = [amount for amount, _ in _moves(dispute)]
    if any(amount > 0 for amount in amounts):
        return PaymentState.REINSTATED
    return PaymentState.REVERSED if any(amount < 0 for amount in amounts) else None


def _named(name: str, status: str) -> PaymentState | None:
    """What the event's own name says, where the movement is not in the dispute yet."""
    if name == "charge.dispute.funds_reinstated" or (name == "charge.dispute.closed" and status == "won"):
        return PaymentState.REINSTATED
    if name == "charge.dispute.funds_withdrawn" or (name == "charge.dispute.created" and status in _REAL):
        return PaymentState.REVERSED
    return None


def _moves(dispute: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Signed amounts on Stripe's wire, in the currency of our balance there."""
    found = dispute.get("balance_transactions") or []
    return [(int(one["amount"]), str(one["currency"]).upper()) for one in found if isinstance(one, Mapping)]


def _status(state: PaymentState, dispute: Mapping[str, Any]) -> DepositStatus:
    return DepositStatus(
        state=state,
        provider_reference="",
        payment_reference=str(dispute.get("payment_intent") or ""),
        amount=_amount(state, dispute),
        failure="chargeback",
        failure_text=str(dispute.get("reason") or ""),
        dispute=str(dispute["id"]),
        bank_amount=True,  # "it can differ (usually because of currency fluctuation)", says the API reference
    )


def _amount(state: PaymentState, dispute: Mapping[str, Any]) -> Money:
    """What is disputed; of a return what came back, where that is less and in the same currency, so not converted."""
    currency, amount = str(dispute["currency"]).upper(), int(dispute["amount"])
    moves = _moves(dispute)
    if state is PaymentState.REINSTATED and {code for _, code in moves} == {currency}:
        back = sum(move for move, _ in moves if move > 0)
        amount = min(amount, back) if back else amount
    return units.from_wire(amount, currency)
