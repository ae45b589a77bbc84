"""Payme's six questions, answered from the deposits and our notes of Payme's transactions.

    created (1) → performed (2) → cancelled after (-2)
                → cancelled before, or timed out (-1)

A note lies under Payme's id of the transaction and is the whole answer to a repeated call. The deposit is locked before
its notes are read, so two calls about one order wait for each other. Times are milliseconds since 1970, amounts tiyin.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kernel.money import Money

from ...ports import DepositStatus, DepositView, Desk, PaymentState
from . import rpc

LIFE_MS = 43_200_000  # twelve hours; a transaction that was not performed by then is cancelled for reason 4
CREATED, PERFORMED, CANCELLED, TAKEN_BACK = 1, 2, -1, -2
TIMED_OUT = 4
# A transaction's own time is Payme's, our note's is ours: how far the two may lie apart for a statement to be whole.
SKEW = timedelta(days=1)
Note = dict[str, Any]


class Merchant:
    """The answers, for one call."""

    def __init__(self, desk: Desk, field: str) -> None:
        self.desk, self.field = desk, field
        self.now = int(desk.now.timestamp() * 1000)
        self.methods: dict[str, rpc.Method] = {
            "CheckPerformTransaction": self.check_perform,
            "CreateTransaction": self.create,
            "PerformTransaction": self.perform,
            "CancelTransaction": self.cancel,
            "CheckTransaction": self.check,
            "GetStatement": self.statement,
        }

    def check_perform(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        self._payable(params)
        return {"allow": True}

    def create(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        number, moment = rpc.text(params, "id"), rpc.whole(params, "time")
        known = self._load(number, must=False)
        if known is not None:
            note, _ = known
            if note["state"] == CREATED and self._timed_out(note):
                self._time_out(number, note)
            if note["state"] != CREATED or note["amount"] != params.get("amount"):
                raise rpc.impossible()
            return {"create_time": note["create_time"], "transaction": note["transaction"], "state": CREATED}
        deposit = self._payable(params)
        self._make_room(deposit)
        if self.now - moment >= LIFE_MS:
            raise rpc.impossible()
        note = {
            "id": number, "time": moment, "amount": deposit.amount.minor, "account": {self.field: deposit.reference},
            "create_time": self.now, "perform_time": 0, "cancel_time": 0,
            "transaction": f"{deposit.reference}-{self.now}", "state": CREATED, "reason": None,
            "deposit": str(deposit.deposit_id),
        }  # fmt: skip
        self.desk.remember(number, note, deposit_id=deposit.deposit_id)
        return {"create_time": self.now, "transaction": note["transaction"], "state": CREATED}

    def perform(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Credits, once. An order that was closed after its transaction was created is credited all the same."""
        number = rpc.text(params, "id")
        note, deposit = self._known(number)
        if note["state"] == CREATED:
            if self._timed_out(note):
                self._time_out(number, note)
                raise rpc.impossible()  # an answer like others: what was written stands
            status = DepositStatus(
                state=PaymentState.PAID,
                provider_reference=number,
                payment_reference=number,
                amount=Money(note["amount"], "UZS"),
            )
            if self.desk.apply(deposit.deposit_id, status) != "credited":
                raise rpc.impossible()
            note |= {"state": PERFORMED, "perform_time": self.now}
            self._save(number, note, deposit)
        if note["state"] != PERFORMED:
            raise rpc.impossible()
        return {"transaction": note["transaction"], "perform_time": note["perform_time"], "state": PERFORMED}

    def cancel(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before it was performed: the order may be paid anew. After: the money is the payer's again."""
        number, reason = rpc.text(params, "id"), rpc.whole(params, "reason")
        note, deposit = self._known(number)
        if note["state"] == CREATED:
            self._end(number, note, deposit, CANCELLED, reason)
        elif note["state"] == PERFORMED:
            status = DepositStatus(
                state=PaymentState.REVERSED,
                provider_reference=number,
                payment_reference=number,
                amount=Money(note["amount"], "UZS"),
                failure="voided",
                failure_text=f"Payme: reason {reason}",
            )
            self.desk.apply(deposit.deposit_id, status)
            self._end(number, note, deposit, TAKEN_BACK, reason)
        return {"transaction": note["transaction"], "cancel_time": note["cancel_time"], "state": note["state"]}

    def check(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        note, _ = self._known(rpc.text(params, "id"))
        names = ("create_time", "perform_time", "cancel_time", "transaction", "state", "reason")
        return {name: note[name] for name in names}

    def statement(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Transactions by Payme's time, both ends included, oldest first."""
        since, until = rpc.whole(params, "from"), rpc.whole(params, "to")
        if until < since or until > 253_402_300_799_000 - SKEW // timedelta(milliseconds=1):
            raise rpc.incomplete("to")
        edge = timedelta(milliseconds=1)
        notes = self.desk.remembered(_moment(max(since, 86_400_000)) - SKEW, _moment(until) + SKEW + edge)
        found = sorted((note for note in notes if since <= note["time"] <= until), key=lambda note: note["time"])
        return {"transactions": [{name: note[name] for name in note if name != "deposit"} for note in found]}

    # --- parts of the answers -----------------------------------------------------------------------------------------

    def _payable(self, params: Mapping[str, Any]) -> DepositView:
        """The order, if it may be paid now and nobody is about to."""
        amount, account = rpc.whole(params, "amount"), params.get("account")
        reference = account.get(self.field) if isinstance(account, Mapping) else None
        deposit = self.desk.deposit(reference) if isinstance(reference, str) and reference else None
        if deposit is None or deposit.amount.currency != "UZS":
            raise rpc.no_order(self.field)
        if not deposit.is_open:
            raise rpc.order_closed(self.field)
        if deposit.amount.minor != amount:
            raise rpc.wrong_amount()
        _, note = self._newest(deposit)
        if note is not None and note["state"] == CREATED and not self._timed_out(note):
            raise rpc.order_busy(self.field)
        return deposit

    def _newest(self, deposit: DepositView) -> tuple[str, Note | None]:
        """The order's last transaction; those before it have ended."""
        found = self.desk.note_of(deposit.deposit_id)
        return (found[0], dict(found[1])) if found is not None else ("", None)

    def _make_room(self, deposit: DepositView) -> None:
        """A transaction that timed out gives way to the next."""
        number, note = self._newest(deposit)
        if note is not None and note["state"] == CREATED:
            self._end(number, note, deposit, CANCELLED, TIMED_OUT)

    def _load(self, number: str, *, must: bool) -> tuple[Note, DepositView] | None:
        """A transaction's note, read after its deposit was locked."""
        seen = self.desk.recall(number)
        deposit = self.desk.deposit(str(seen["deposit"])) if seen is not None else None
        fresh = self.desk.recall(number) if deposit is not None else None
        if fresh is None or deposit is None:
            if must:
                raise rpc.no_transaction()
            return None
        return dict(fresh), deposit

    def _known(self, number: str) -> tuple[Note, DepositView]:
        found = self._load(number, must=True)
        assert found is not None
        return found

    def _timed_out(self, note: Note) -> bool:
        return bool(self.now - note["create_time"] >= LIFE_MS)

    def _time_out(self, number: str, note: Note) -> None:
        deposit = self.desk.deposit(str(note["deposit"]))
        assert deposit is not None
        self._end(number, note, deposit, CANCELLED, TIMED_OUT)

    def _end(self, number: str, note: Note, deposit: DepositView, state: int, reason: int) -> None:
        note |= {"state": state, "cancel_time": self.now, "reason": reason}
        self._save(number, note, deposit)
        if state == CANCELLED:
            failure = "expired" if reason == TIMED_OUT else "cancelled"
            told = DepositStatus(
                state=PaymentState.OPEN, provider_reference="", failure=failure, failure_text=f"Payme: reason {reason}"
            )
            self.desk.apply(deposit.deposit_id, told)

    def _save(self, number: str, note: Note, deposit: DepositView) -> None:
        self.desk.remember(number, note, deposit_id=deposit.deposit_id)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
