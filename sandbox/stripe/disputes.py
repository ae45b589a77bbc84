"""Disputes: opened by the cardholder's bank (here: from the control page or by test cards)."""

from __future__ import annotations

import time

from sandbox.stripe import balance
from sandbox.stripe.errors import bad_request
from sandbox.stripe.sessions import public
from sandbox.stripe.store import Object, Store, new_id

WEEK = 7 * 24 * 3600
REASONS = frozenset(
    [
        "bank_cannot_process",
        "check_returned",
        "credit_not_processed",
        "customer_initiated",
        "debit_not_authorized",
        "duplicate",
        "fraudulent",
        "general",
        "incorrect_account_details",
        "insufficient_funds",
        "product_not_received",
        "product_unacceptable",
        "subscription_canceled",
        "unrecognized",
    ]
)
OPEN = frozenset({"needs_response", "under_review", "warning_needs_response", "warning_under_review"})


def create(store: Store, account: str, charge_id: str, *, reason: str = "fraudulent") -> Object:
    """The bank takes the whole charge back until the dispute is decided."""
    charge = store.get(account, "charge", charge_id, "charge")
    if reason not in REASONS:
        raise bad_request(f"Invalid reason: {reason}", "reason")
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise bad_request(f"Charge {charge_id} cannot be disputed.", "charge", "charge_not_disputable")
    amount = charge["amount"] - charge["amount_refunded"]
    now = int(time.time())
    dispute: Object = {
        "id": new_id("dispute"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge_id,
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": now + WEEK,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"type": charge["payment_method_details"]["type"]},
        "reason": reason,
        "status": "needs_response",
    }
    store.insert(account, dispute)
    withdrawn = balance.record(
        store, account, dispute, kind="adjustment", amount=-amount, fee_amount=balance.DISPUTE_FEE,
        description=f"Chargeback withdrawal for {charge_id}",
    )  # fmt: skip
    dispute["balance_transactions"] = [withdrawn]
    store.update(account, dispute)
    charge["disputed"] = True
    store.update(account, charge)
    store.emit(account, "charge.dispute.created", public(dispute))
    store.emit(account, "charge.dispute.funds_withdrawn", public(dispute))
    return dispute


def submit(store: Store, account: str, dispute_id: str, evidence: Object, metadata: Object, final: bool) -> Object:
    """Evidence; ``final`` hands it to the bank (``submit`` in the API, true unless said otherwise)."""
    dispute = store.get(account, "dispute", dispute_id)
    if evidence and dispute["status"] not in OPEN:
        raise bad_request("This dispute is already closed.", code="dispute_closed")
    dispute["evidence"] |= evidence
    dispute["metadata"] |= metadata
    if evidence:
        dispute["evidence_details"]["has_evidence"] = True
        if final:
            dispute["evidence_details"]["submission_count"] += 1
            dispute["status"] = "under_review"
    store.update(account, dispute)
    store.emit(account, "charge.dispute.updated", public(dispute))
    return dispute


def close(store: Store, account: str, dispute_id: str, *, won: bool) -> Object:
    """Won gives the money back to the merchant; lost leaves it with the cardholder."""
    dispute = store.get(account, "dispute", dispute_id)
    if dispute["status"] not in OPEN:
        raise bad_request("This dispute is already closed.", code="dispute_closed")
    dispute["status"] = "won" if won else "lost"
    if won:
        returned = balance.record(
            store, account, dispute, kind="adjustment", amount=dispute["amount"],
            fee_amount=-balance.DISPUTE_FEE, description=f"Chargeback reversal for {dispute['charge']}",
        )  # fmt: skip
        dispute["balance_transactions"].append(returned)
    store.update(account, dispute)
    store.emit(account, "charge.dispute.closed", public(dispute))
    if won:
        store.emit(account, "charge.dispute.funds_reinstated", public(dispute))
    return dispute
