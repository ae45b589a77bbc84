"""Refunds: part by part up to what was paid, back to where it came from."""

from __future__ import annotations

import time
from typing import Any

from sandbox.stripe import balance, currencies, disputes, methods
from sandbox.stripe.customers import merged_metadata
from sandbox.stripe.errors import ApiError, bad_request
from sandbox.stripe.sessions import public
from sandbox.stripe.store import Object, Store, new_id

# Cards and Klarna take a refund at once; banks answer later.
SLOW_METHODS = frozenset({"sepa_debit", "ideal", "eps"})


def create(store: Store, account: str, params: dict[str, Any], request_id: str) -> Object:
    """A full or partial refund; ``amount`` in minor units, by default all that is left."""
    charge = _charge_to_refund(store, account, params)
    amount = _amount(charge, params.get("amount"))
    method = charge["payment_method_details"]["type"]
    pending = method in SLOW_METHODS or charge["_number"] == methods.REFUND_PENDING
    refund: Object = {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": int(time.time()),
        "currency": charge["currency"],
        "destination_details": _destination(method, pending=pending),
        "metadata": params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if pending:
        refund["pending_reason"] = "processing"
    store.insert(account, refund)
    refund["balance_transaction"] = balance.record(
        store, account, refund, kind="refund", amount=-amount, fee_amount=0, description="REFUND FOR CHARGE"
    )["id"]
    store.update(account, refund)
    before = charge["amount_refunded"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    store.update(account, charge)
    store.emit(account, "refund.created", public(refund), request=request_id)
    previous = {"amount_refunded": before, "refunded": False}
    store.emit(account, "charge.refunded", public(charge), previous, request=request_id)
    delay = store.settings(account).get("refund_settle_seconds", 3)
    if delay is not None and (pending or charge["_number"] == methods.REFUND_FAILS_LATER):
        store.schedule(account, "settle_refund", refund["id"], time.time() + delay)
    return refund


def _charge_to_refund(store: Store, account: str, params: dict[str, Any]) -> Object:
    if ("charge" in params) == ("payment_intent" in params):
        raise bad_request("One of the following params should be provided for this request: payment_intent or charge.")
    if "payment_intent" in params:
        intent = store.get(account, "payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise bad_request(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = store.get(account, "charge", intent["latest_charge"])
    else:
        charge = store.get(account, "charge", params["charge"], "charge")
    if charge["status"] != "succeeded":
        raise bad_request(f"Charge {charge['id']} was not successful and cannot be refunded.", "charge")
    if charge["disputed"] and not disputes.refundable(store, account, charge):
        raise bad_request(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if charge["refunded"]:
        raise bad_request(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    return charge


def _amount(charge: Object, asked: int | None) -> int:
    left: int = charge["amount"] - charge["amount_refunded"]
    if asked is None:
        return left
    if asked < 1:
        raise bad_request("Invalid positive integer", "amount", "parameter_invalid_integer")
    if asked > left:
        currency = charge["currency"]
        raise bad_request(
            f"Refund amount ({currencies.display(asked, currency)}) is greater than "
            f"{'unrefunded amount on charge' if charge['amount_refunded'] else 'charge amount'} "
            f"({currencies.display(left, currency)})",
            "amount",
        )
    if currencies.exponent(charge["currency"]) == 3 and asked % 10:
        raise bad_request(f"Invalid amount: {asked} must end in 0.", "amount")
    return asked


def _destination(method: str, *, pending: bool) -> Object:
    if method != "card":
        return {method: {}, "type": method}
    state = "pending" if pending else "available"
    return {
        "card": {"reference_status": state, "reference_type": "acquirer_reference_number", "type": "refund"},
        "type": "card",
    }


def settle(store: Store, account: str, refund_id: str, *, succeeded: bool | None = None) -> Object:
    """A refund's last word. ``succeeded`` None decides by the card; a second call changes nothing.

    A refund that was reported as succeeded may still fail (docs.stripe.com/refunds#failed-refunds).
    """
    refund = store.get(account, "refund", refund_id, "refund")
    charge = store.get(account, "charge", refund["charge"])
    if succeeded is None:
        succeeded = charge["_number"] != methods.REFUND_FAILS_LATER
    if refund["status"] in {"failed", "canceled"} or (succeeded and refund["status"] == "succeeded"):
        return refund
    previous = {"status": refund["status"]}
    refund.pop("pending_reason", None)
    if succeeded:
        refund["status"] = "succeeded"
        store.update(account, refund)
        store.emit(account, "refund.updated", public(refund), previous)
        store.emit(account, "charge.refund.updated", public(refund), previous)
        return refund
    _give_back(store, account, refund, charge)
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    store.update(account, refund)
    store.emit(account, "refund.updated", public(refund), previous)
    store.emit(account, "charge.refund.updated", public(refund), previous)
    store.emit(account, "refund.failed", public(refund), previous)
    return refund


def _give_back(store: Store, account: str, refund: Object, charge: Object) -> None:
    returned = balance.record(
        store, account, refund, kind="refund_failure", amount=refund["amount"], fee_amount=0,
        description="REFUND FAILURE",
    )  # fmt: skip
    refund["failure_balance_transaction"] = returned["id"]
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    store.update(account, charge)


def update(store: Store, account: str, refund_id: str, params: dict[str, Any]) -> Object:
    """Only the metadata can change (docs.stripe.com/api/refunds/update)."""
    refund = store.get(account, "refund", refund_id)
    if "metadata" in params:
        previous = {"metadata": refund["metadata"]}
        refund["metadata"] = merged_metadata(refund["metadata"], params["metadata"])
        store.update(account, refund)
        store.emit(account, "refund.updated", public(refund), previous)
    return refund


def cancel(store: Store, account: str, refund_id: str) -> Object:
    """Only refunds that wait for the customer's action can be cancelled, and those do not occur here."""
    refund = store.get(account, "refund", refund_id)
    raise ApiError(400, f"Refund {refund['id']} cannot be canceled in status {refund['status']}.")
