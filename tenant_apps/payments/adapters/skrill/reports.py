"""Skrill's status reports: their signature, and what they say in our words.

md5sig covers merchant_id, transaction_id, the upper-case MD5 of the secret word, mb_amount, mb_currency and status (Quick
Checkout guide); where Skrill also sends sha2sig, both have to be right. Money is moved by these fields alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl
from uuid import UUID

from kernel.ids import parse_uuid
from kernel.money import Money

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus, if_paid
from . import units

Fields = Mapping[str, str]

OPERATION = "operation"  # the merchant field that a refund's report brings back
_STATES = {
    "2": PaymentState.PAID,
    "0": PaymentState.DELAYED,
    "-1": PaymentState.FAILED,
    "-2": PaymentState.FAILED,
    "-3": PaymentState.REVERSED,
}
# 0 is pending and 1 "scheduled": money sent to somebody without an account waits for them. What we do not know is under way.
_REFUNDS = {"2": RefundState.SUCCEEDED, **dict.fromkeys(("-1", "-2", "-3", "-4"), RefundState.FAILED)}
# Quick Checkout guide, annex "Failed reason codes", as far as a client can act on them.
_FAILURES = {"05": "insufficient_funds", "07": "wrong_details", "12": "wrong_details", "16": "expired_card", "17": "error",
             "32": "wrong_details", "44": "error"}  # fmt: skip


def fields_of(body: bytes) -> dict[str, str]:
    """Of a repeated field the first counts, as it does for whoever signs. Raises ValueError on what is no form."""
    pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=100)
    return dict(reversed(pairs))


def _signed_text(secret: str, fields: Fields) -> bytes:
    word = hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest().upper()
    parts = (fields["merchant_id"], fields["transaction_id"], word, fields["mb_amount"], fields["mb_currency"])
    return "".join((*parts, fields["status"])).encode()


def is_genuine(secret: str, fields: Fields) -> bool:
    """Raises KeyError when a signed field is missing."""
    text = _signed_text(secret, fields)
    good = _same(hashlib.md5(text, usedforsecurity=False).hexdigest(), fields["md5sig"])
    if "sha2sig" in fields:
        good &= _same(hashlib.sha256(text).hexdigest(), fields["sha2sig"])
    return good


def _same(digest: str, given: str) -> bool:
    return hmac.compare_digest(digest.upper().encode(), given.upper().encode())


def seal(secret: str, operation_id: UUID, payment_reference: str) -> str:
    """The operation's id with a mark of ours: Skrill does not sign the fields it brings back."""
    mark = hmac.new(secret.encode(), f"{operation_id}:{payment_reference}".encode(), hashlib.sha256).hexdigest()[:24]
    return f"{operation_id}.{mark}"


def is_sealed(secret: str, fields: Fields) -> bool:
    """Whether a report brings back an operation that we gave out for this very payment, or none at all."""
    if OPERATION not in fields:
        return True
    operation = parse_uuid(fields[OPERATION].partition(".")[0])
    return operation is not None and hmac.compare_digest(
        seal(secret, operation, fields["transaction_id"]).encode(), fields[OPERATION].encode()
    )


def normalise(fields: Fields) -> NormalizedEvent:
    """A report about a payment, or, with an operation, about its refund."""
    status, number = fields["status"], fields.get("mb_transaction_id", "")
    if OPERATION in fields:
        return _refund(fields, status, number)
    key = f"{fields['transaction_id']}:{number}:{status}"
    nothing = NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=f"status {status}")
    if status not in _STATES:
        return nothing
    try:
        told, same = deposit_status(fields, signed=True), fields.get("currency", "") == fields["mb_currency"]
    except units.NotExpressible:
        return nothing
    return NormalizedEvent(
        event_key=key,
        kind=EventKind.DEPOSIT,
        name=f"status {status}",
        deposit_id=parse_uuid(fields["transaction_id"]),
        deposit=told,
        # Paid in another currency than the account's, only what was converted is signed: the rest is asked for.
        refetch="" if same or told.state is not PaymentState.PAID else fields["transaction_id"],
    )


def _refund(fields: Fields, status: str, number: str) -> NormalizedEvent:
    operation, name = parse_uuid(fields[OPERATION].partition(".")[0]), f"refund, status {status}"
    key = f"refund:{operation}:{number}:{status}"
    try:
        told = refund_status(fields)
    except units.NotExpressible:
        return NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=name)
    return NormalizedEvent(event_key=key, kind=EventKind.REFUND, name=name, operation_id=operation, refund=told)


def deposit_status(fields: Fields, *, signed: bool = False) -> DepositStatus:
    """What a report or an answer says of a payment. In an answer to our question the amount is the payer's own; a
    report signs only the account's (`signed`)."""
    state = _STATES.get(fields["status"], PaymentState.OPEN)
    failed = state is PaymentState.FAILED
    reason, amount = fields.get("failed_reason_code", ""), _amount(fields, state, signed=signed)
    return DepositStatus(
        state=if_paid(state, amount),
        provider_reference=fields["transaction_id"],
        payment_reference=fields["transaction_id"],
        amount=amount,
        source=_masked(fields.get("pay_from_email", "")),
        failure="chargeback"
        if state is PaymentState.REVERSED
        else _failure(fields["status"], reason)
        if failed
        else "",
        failure_text=reason if failed else "",
    )


def _amount(fields: Fields, state: PaymentState, *, signed: bool) -> Money | None:
    """A chargeback takes the whole of a payment; where only the converted amount is known, it is not named."""
    if not signed and fields.get("amount") and fields.get("currency"):
        return units.from_wire(fields["amount"], fields["currency"])
    if state is PaymentState.REVERSED and fields.get("currency", "") != fields["mb_currency"]:
        return None
    return units.from_wire(fields["mb_amount"], fields["mb_currency"])


def _failure(status: str, reason: str) -> str:
    return "cancelled" if status == "-1" else _FAILURES.get(reason.zfill(2), "declined")


def _masked(email: str) -> str:
    name, at, host = email.partition("@")
    return f"Skrill {name[:1]}•••@{host}" if at else ""


def refund_status(fields: Fields) -> RefundStatus:
    """A refund, from its report or the answer of its second step."""
    state = _REFUNDS.get(fields["status"], RefundState.PENDING)
    return RefundStatus(
        state=state,
        reference=fields.get("mb_transaction_id", ""),
        amount=units.from_wire(fields["mb_amount"], fields["mb_currency"]),
        failure_text=f"status {fields['status']}" if state is RefundState.FAILED else "",
        payment_reference=fields.get("transaction_id", ""),
    )


def payout_status(fields: Fields) -> RefundStatus:
    """Money sent, from a query."""
    state = _REFUNDS.get(fields["status"], RefundState.PENDING)
    return RefundStatus(
        state=state,
        reference=fields.get("mb_transaction_id", ""),
        amount=units.from_wire(
            fields.get("amount") or fields["mb_amount"], fields.get("currency") or fields["mb_currency"]
        ),
        failure_text=f"status {fields['status']}" if state is RefundState.FAILED else "",
    )
