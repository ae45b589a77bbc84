"""Freedom Pay's payments, refunds and payouts in our words."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.money import Money

from ...ports import DepositStatus, PaymentState, RefundState, RefundStatus, if_paid
from .wire import Reply, Unreadable, from_wire

# pg_payment_status of get_status3 (documentation and public code); what is not listed is still under way.
_STATES = {
    "success": PaymentState.PAID,
    "ok": PaymentState.PAID,
    "error": PaymentState.FAILED,
    "failed": PaymentState.FAILED,
    "rejected": PaymentState.FAILED,
    "revoked": PaymentState.FAILED,
    "refunded": PaymentState.FAILED,
    "canceled": PaymentState.FAILED,
    "cancelled": PaymentState.FAILED,
    "incomplete": PaymentState.EXPIRED,
}
# Taken back before we heard of it. Not "voided": a refund of ours ends there too, and must not be booked once more.
_TAKEN_BACK = frozenset({"revoked", "refunded", "canceled", "cancelled"})
_MOVES = {"success": RefundState.SUCCEEDED, "ok": RefundState.SUCCEEDED, "error": RefundState.FAILED,
          "failed": RefundState.FAILED}  # fmt: skip
_WORDS = (
    ("недостаточно", "insufficient_funds"),
    ("insufficient", "insufficient_funds"),
    ("срок действия", "expired_card"),
    ("expired card", "expired_card"),
    ("3d", "authentication"),
    ("аутентифик", "authentication"),
    ("мошен", "fraud"),
    ("fraud", "fraud"),
    ("cvv", "wrong_details"),
    ("cvc", "wrong_details"),
    ("отменен", "cancelled"),
    ("отменён", "cancelled"),
)


def failure_code(words: str) -> str:
    """Freedom Pay's words, Russian or English, in the codes a client can act on."""
    low = words.lower()
    return next((code for piece, code in _WORDS if piece in low), "declined")


def card(fields: Mapping[str, str]) -> str:
    """ "VI •••• 1111" of "4111-11XX-XXXX-1111"."""
    pan = fields.get("pg_card_pan") or fields.get("pg_card_hash") or ""
    digits = "".join(char for char in pan if char.isdigit())
    scheme = {"VI": "Visa", "MC": "Mastercard", "CA": "Mastercard"}.get(fields.get("pg_card_brand", "").upper(), "")
    return " ".join(filter(None, [scheme, f"•••• {digits[-4:]}" if digits else ""]))


def _fee(amount: Money, fields: Mapping[str, str]) -> Money | None:
    """What Freedom Pay keeps: the amount less what it settles, where it says so."""
    net = fields.get("pg_net_amount", "")
    try:
        kept = amount - from_wire(net, amount.currency) if net else None
    except Unreadable:
        return None
    return kept if kept is not None and 0 <= kept.minor < amount.minor else None


def _paid_state(fields: Mapping[str, str]) -> PaymentState:
    return PaymentState.AUTHORISED if fields.get("pg_captured") == "0" else PaymentState.PAID


def deposit_of_result(fields: Mapping[str, str]) -> DepositStatus:
    """From a call of Result URL. Raises Unreadable."""
    number, paid = fields["pg_payment_id"], fields.get("pg_result") == "1"
    amount = from_wire(fields["pg_amount"], fields["pg_currency"])
    words = fields.get("pg_failure_description", "")
    return DepositStatus(
        state=if_paid(_paid_state(fields), amount) if paid else PaymentState.FAILED,
        provider_reference=number,
        payment_reference=number,
        amount=amount,
        source=card(fields),
        failure="" if paid else failure_code(words),
        failure_text="" if paid else words,
        fee=_fee(amount, fields) if paid else None,
    )


def deposit_of_status(reply: Reply) -> DepositStatus:
    """From get_status3, asked by the payment's own number. Raises Unreadable."""
    told = reply.get("pg_payment_status")
    state = _STATES.get(told, PaymentState.OPEN)
    paid = state is PaymentState.PAID
    failed = state is PaymentState.FAILED
    words = reply.get("pg_failure_description")
    amount = from_wire(reply["pg_amount"], reply["pg_currency"])
    return DepositStatus(
        state=if_paid(_paid_state(reply.fields), amount) if paid else state,
        provider_reference=reply["pg_payment_id"],
        payment_reference=reply["pg_payment_id"],
        amount=amount,
        source=card(reply.fields),
        failure=("cancelled" if told in _TAKEN_BACK else failure_code(words)) if failed else "",
        failure_text=words or told if failed else "",
        fee=_fee(amount, reply.fields) if paid else None,
    )


def refunds_of(reply: Reply) -> list[RefundStatus]:
    """The refunds listed under a payment; their amounts are negative there. Raises Unreadable."""
    if any(not item.get("pg_payment_id") or not item.get("pg_amount") for item in reply.refunds):
        raise Unreadable("a refund without number or amount")
    return [
        RefundStatus(
            state=_MOVES.get(item.get("pg_payment_status", ""), RefundState.PENDING),
            reference=item["pg_payment_id"],
            amount=from_wire(item["pg_amount"].removeprefix("-"), reply["pg_currency"]),
            failure_text="Freedom Pay: refund failed" if item.get("pg_payment_status") in {"error", "failed"} else "",
            payment_reference=reply["pg_payment_id"],
        )
        for item in reply.refunds
    ]


def payout_of_status(reply: Reply) -> RefundStatus:
    """From payment_status2. Raises Unreadable."""
    state = _MOVES.get(reply.get("pg_payment_status"), RefundState.PENDING)
    failed = state is RefundState.FAILED
    return RefundStatus(
        state=state,
        reference=reply["pg_payment_id"],
        amount=from_wire(reply["pg_amount"], reply["pg_currency"]),
        failure_text=(reply.get("pg_error_description") or "Freedom Pay: payout failed") if failed else "",
    )


def payout_of_call(fields: Mapping[str, str], currency: str) -> RefundStatus:
    """From a call of the post link, which names no currency: payouts are made in the account's own. Raises Unreadable."""
    done = fields["pg_status"] == "ok"
    amount = from_wire(fields["pg_payment_amount"], currency)
    taken = from_wire(fields["pg_to_pay"], currency) if fields.get("pg_to_pay") else amount
    return RefundStatus(
        state=RefundState.SUCCEEDED if done else RefundState.FAILED,
        reference=fields["pg_payment_id"],
        amount=amount,
        failure_text="" if done else fields.get("pg_error_description") or "Freedom Pay: payout failed",
        fee=taken - amount if done and taken.minor > amount.minor else None,
    )
