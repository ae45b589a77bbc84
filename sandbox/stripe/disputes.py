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


INQUIRY = frozenset({"warning_needs_response", "warning_under_review"})


def create(store: Store, account: str, charge_id: str, *, reason: str = "fraudulent", inquiry: bool = False) -> Object:
    """The bank takes the whole charge back until the dispute is decided; an inquiry only asks, and may escalate."""
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
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"type": charge["payment_method_details"]["type"]},
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    store.insert(account, dispute)
    charge["disputed"] = True
    store.update(account, charge)
    if not inquiry:
        _withdraw(store, account, dispute)
    store.emit(account, "charge.dispute.created", public(dispute))
    if not inquiry:
        store.emit(account, "charge.dispute.funds_withdrawn", public(dispute))
    return dispute


def _withdraw(store: Store, account: str, dispute: Object) -> None:
    withdrawn = balance.record(
        store, account, dispute, kind="adjustment", amount=-dispute["amount"], fee_amount=balance.DISPUTE_FEE,
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )  # fmt: skip
    dispute["balance_transactions"] = [withdrawn]
    store.update(account, dispute)


def escalate(store: Store, account: str, dispute_id: str) -> Object:
    """The bank makes a chargeback of its inquiry: the same dispute, and now the money is taken."""
    dispute = store.get(account, "dispute", dispute_id)
    if dispute["status"] not in INQUIRY:
        raise bad_request("This dispute is no open inquiry.")
    charge = store.get(account, "charge", dispute["charge"])
    before = {"status": dispute["status"]}
    dispute["status"], dispute["is_charge_refundable"] = "needs_response", False
    dispute["amount"] = min(dispute["amount"], charge["amount"] - charge["amount_refunded"])
    if dispute["amount"]:
        _withdraw(store, account, dispute)
    store.update(account, dispute)
    store.emit(account, "charge.dispute.updated", public(dispute), before)
    if dispute["amount"]:
        store.emit(account, "charge.dispute.funds_withdrawn", public(dispute))
    return dispute


def refundable(store: Store, account: str, charge: Object) -> bool:
    """Nothing was taken back of it, as long as there are only inquiries."""
    mine = [one for one in store.all(account, "dispute") if one["charge"] == charge["id"]]
    return all(one["status"].startswith("warning") for one in mine)


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
            dispute["status"] = "warning_under_review" if dispute["status"] in INQUIRY else "under_review"
    store.update(account, dispute)
    store.emit(account, "charge.dispute.updated", public(dispute))
    return dispute


def close(store: Store, account: str, dispute_id: str, *, won: bool, returned: int | None = None) -> Object:
    """Won gives the money back to the merchant (`returned`: a part of it); lost leaves it with the cardholder. An inquiry
    just ends, and nothing moves."""
    dispute = store.get(account, "dispute", dispute_id)
    if dispute["status"] not in OPEN:
        raise bad_request("This dispute is already closed.", code="dispute_closed")
    if dispute["status"] in INQUIRY:
        raise bad_request("An inquiry is neither won nor lost.")
    dispute["status"] = "won" if won else "lost"
    back = dispute["amount"] if returned is None else min(returned, dispute["amount"])
    if won:
        reversal = balance.record(
            store, account, dispute, kind="adjustment", amount=back,
            fee_amount=-balance.DISPUTE_FEE, description=f"Chargeback reversal for {dispute['charge']}",
        )  # fmt: skip
        dispute["balance_transactions"].append(reversal)
    store.update(account, dispute)
    store.emit(account, "charge.dispute.closed", public(dispute))
    if won:
        store.emit(account, "charge.dispute.funds_reinstated", public(dispute))
    return dispute


def end_inquiry(store: Store, account: str, dispute_id: str) -> Object:
    """The bank has asked, and leaves it at that."""
    dispute = store.get(account, "dispute", dispute_id)
    if dispute["status"] not in INQUIRY:
        raise bad_request("This dispute is no open inquiry.")
    dispute["status"] = "warning_closed"
    store.update(account, dispute)
    store.emit(account, "charge.dispute.closed", public(dispute))
    return dispute
