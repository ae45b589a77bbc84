"""Click's Prepare and Complete, answered from the deposits and our notes of Click's payments.

    prepared → confirmed
             → cancelled     (Click tells a negative error: the bank said no)

A note lies under Click's number of the attempt (`click_trans_id`). An order may be prepared by several attempts; the first
that is completed pays it. Prepare gets the same answer again; Complete is answered with -4 once it was confirmed and with
-9 once it was cancelled, as docs.click.uz has it. The deposit is locked before its notes are read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from kernel.money import Money

from ...errors import AmountNotPayable
from ...ports import DepositStatus, DepositView, Desk, PaymentState, WebhookAnswer

PREPARE, COMPLETE = "0", "1"
PREPARED, CONFIRMED, CANCELLED = "prepared", "confirmed", "cancelled"
PAID = frozenset({"credited", "reversed"})  # states of a deposit that has had its money
SIGNED = ("click_trans_id", "service_id", "merchant_trans_id", "amount", "action", "sign_time")
NOTES = {
    0: "Success",
    -1: "SIGN CHECK FAILED!",
    -2: "Incorrect parameter amount",
    -3: "Action not found",
    -4: "Already paid",
    -5: "User does not exist",
    -6: "Transaction does not exist",
    -7: "Failed to update user",
    -8: "Error in request from click",
    -9: "Transaction cancelled",
}


class Refusal(Exception):
    """Ends a call with one of Click's errors."""

    def __init__(self, code: int) -> None:
        super().__init__(NOTES[code])
        self.code = code


def to_wire(amount: Money) -> str:
    """Sum with two decimals. Raises AmountNotPayable for another currency."""
    if amount.currency != "UZS":
        raise AmountNotPayable(field="amount")
    return f"{amount.amount:.2f}"


def from_wire(text: str) -> Money:
    """Any way of writing the number; more than two decimals are another amount. Raises ValueError."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("amount") from error
    if not number.is_finite() or number.adjusted() > 15:
        raise ValueError("amount")
    return Money.of(number, "UZS")


def sign(fields: Mapping[str, str], secret: str) -> str:
    """docs.click.uz: click_trans_id + service_id + SECRET_KEY + merchant_trans_id (+ merchant_prepare_id of a Complete)
    + amount + action + sign_time."""
    prepared = fields.get("merchant_prepare_id", "") if fields["action"] == COMPLETE else ""
    text = (
        fields["click_trans_id"] + fields["service_id"] + secret + fields["merchant_trans_id"] + prepared
        + fields["amount"] + fields["action"] + fields["sign_time"]
    )  # fmt: skip
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Questions:
    """The answers, for one call."""

    def __init__(self, desk: Desk, service_id: str, secret: str) -> None:
        self.desk, self.service_id, self.secret = desk, service_id, secret

    def answer(self, body: bytes) -> WebhookAnswer:
        fields: dict[str, str] = {}
        said: dict[str, Any] = {}
        try:
            fields = _read(body)
            self._trusted(fields)
            said = {"click_trans_id": int(fields["click_trans_id"]), "merchant_trans_id": fields["merchant_trans_id"]}
            said |= self._done(fields)
            code = 0
        except Refusal as refusal:
            code = refusal.code
        written = json.dumps({**said, "error": code, "error_note": NOTES[code]})
        return WebhookAnswer(body=written.encode(), content_type="application/json")

    def _trusted(self, fields: Mapping[str, str]) -> None:
        expected = sign(fields, self.secret)
        if not self.secret or not hmac.compare_digest(expected, fields.get("sign_string", "").lower()):
            raise Refusal(-1)
        if fields["service_id"] != self.service_id or not fields["click_trans_id"].isdecimal():
            raise Refusal(-8)

    def _done(self, fields: Mapping[str, str]) -> dict[str, Any]:
        if fields["action"] not in (PREPARE, COMPLETE):
            raise Refusal(-3)
        deposit = self.desk.deposit(fields["merchant_trans_id"])
        if deposit is None or deposit.amount.currency != "UZS":
            raise Refusal(-5)
        return self._prepare(fields, deposit) if fields["action"] == PREPARE else self._complete(fields, deposit)

    def _prepare(self, fields: Mapping[str, str], deposit: DepositView) -> dict[str, Any]:
        note = self.desk.recall(fields["click_trans_id"])
        if note is not None and note["deposit"] != str(deposit.deposit_id):
            raise Refusal(-8)
        _only_open(deposit)
        _only_exact(fields, deposit)
        if note is not None and note["state"] == CANCELLED or _error(fields) < 0:
            raise Refusal(-9)
        if note is None:
            prepared = int(self.desk.now.timestamp())
            note = {
                "state": PREPARED, "prepare_id": prepared, "paydoc": fields["click_paydoc_id"],
                "deposit": str(deposit.deposit_id),
            }  # fmt: skip
            self._save(fields, note, deposit)
        return {"merchant_prepare_id": note["prepare_id"]}

    def _complete(self, fields: Mapping[str, str], deposit: DepositView) -> dict[str, Any]:
        """An order that was closed after its payment was prepared is credited all the same."""
        found = self.desk.recall(fields["click_trans_id"])
        note = dict(found) if found is not None else None
        if note is None or note["deposit"] != str(deposit.deposit_id):
            raise Refusal(-6)
        if str(note["prepare_id"]) != fields["merchant_prepare_id"]:
            raise Refusal(-6)
        if note["state"] != PREPARED:
            raise Refusal(-4 if note["state"] == CONFIRMED else -9)
        if _error(fields) < 0:
            self._cancel(fields, note, deposit)
            raise Refusal(-9)  # an answer like others: what was written stands
        _only_exact(fields, deposit)
        _only_unpaid(deposit)
        number = fields["click_trans_id"]
        status = DepositStatus(
            state=PaymentState.PAID,
            provider_reference=number,
            payment_reference=fields["click_paydoc_id"],
            amount=deposit.amount,
        )
        if self.desk.apply(deposit.deposit_id, status) != "credited":
            raise Refusal(-7)
        self._save(fields, note | {"state": CONFIRMED}, deposit)
        return {"merchant_confirm_id": note["prepare_id"]}

    def _cancel(self, fields: Mapping[str, str], note: dict[str, Any], deposit: DepositView) -> None:
        """The payer may try again: the deposit stays open and remembers why."""
        self._save(fields, note | {"state": CANCELLED}, deposit)
        words = f"Click {fields['error']}: {fields.get('error_note', '')}"
        told = DepositStatus(
            state=PaymentState.OPEN, provider_reference="", failure="declined", failure_text=words[:300]
        )
        self.desk.apply(deposit.deposit_id, told)

    def _save(self, fields: Mapping[str, str], note: Mapping[str, Any], deposit: DepositView) -> None:
        self.desk.remember(fields["click_trans_id"], note, deposit_id=deposit.deposit_id)


def _read(body: bytes) -> dict[str, str]:
    """The fields of a call, all that are needed. Raises Refusal."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise Refusal(-8) from None
    fields = dict(pairs)
    needed = [*SIGNED, "click_paydoc_id", "error", "sign_string"]
    if fields.get("action") == COMPLETE:
        needed.append("merchant_prepare_id")
    if len(fields) != len(pairs) or any(not fields.get(name) or len(fields[name]) > 120 for name in needed):
        raise Refusal(-8)
    return fields


def _error(fields: Mapping[str, str]) -> int:
    try:
        return int(fields["error"])
    except ValueError:
        raise Refusal(-8) from None


def _only_exact(fields: Mapping[str, str], deposit: DepositView) -> None:
    try:
        amount = from_wire(fields["amount"])
    except ValueError:
        raise Refusal(-2) from None
    if amount != deposit.amount:
        raise Refusal(-2)


def _only_unpaid(deposit: DepositView) -> None:
    if deposit.state in PAID:
        raise Refusal(-4)


def _only_open(deposit: DepositView) -> None:
    _only_unpaid(deposit)
    if not deposit.is_open:
        raise Refusal(-9)
