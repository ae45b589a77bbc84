"""Payment files at the bank: taken once, booked for the next statement, rejected or returned on demand."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox._store import Database
from sandbox.bank import pain
from sandbox.bank.camt import Entry, iban_valid
from sandbox.bank.store import Bank

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment_files (
    number INTEGER PRIMARY KEY AUTOINCREMENT, iban TEXT NOT NULL, message TEXT NOT NULL, created TEXT NOT NULL,
    request BLOB NOT NULL, report BLOB NOT NULL, UNIQUE (iban, message)
);
CREATE TABLE IF NOT EXISTS payments (
    iban TEXT NOT NULL, end_to_end TEXT NOT NULL, message TEXT NOT NULL, creditor TEXT NOT NULL, name TEXT NOT NULL,
    amount TEXT NOT NULL, reason TEXT NOT NULL, returned TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS rejections (iban TEXT NOT NULL, creditor TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (iban, creditor));
"""


class PaymentDesk:
    """Over the same database as the bank: what it books and what it remembers is one transaction."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.db: Database = bank.db
        self.db.connection.executescript(SCHEMA)

    def reject(self, iban: str, creditor: str, reason: str) -> None:
        """Payments to this account are rejected from now on; an empty reason ends that. Raises ValueError."""
        if not iban_valid(creditor):
            raise ValueError(f"not an IBAN: {creditor}")
        with self.db.transaction():
            self.db.run("DELETE FROM rejections WHERE iban=? AND creditor=?", iban, creditor)
            if reason:
                self.db.run("INSERT INTO rejections VALUES (?,?,?)", iban, creditor, reason[:4].upper())

    def take(self, iban: str, data: bytes) -> bytes:
        """A payment file; answers with its pain.002. Raises ValueError for an unknown account or a file of no name."""
        account = self.bank.account(iban)
        if account is None:
            raise ValueError(f"no such account: {iban}")
        message = pain.message_id(data)
        if not message:
            raise ValueError("no payment file: it has no MsgId")
        now = datetime.now(UTC)
        number = self._next_number()
        try:
            known = self.db.row("SELECT 1 FROM payment_files WHERE iban=? AND message=?", iban, message)
            if known is not None:
                raise pain.Refused("AM05", f"file {message} was taken before")
            initiation = pain.read(data, iban=iban, currency=account["currency"], today=now.date())
        except pain.Refused as refused:
            return pain.refusal(message, refused, now, number=number)
        rejections = self._rejections(iban)
        payments = [replace(one, reason=one.reason or rejections.get(one.iban, "")) for one in initiation.payments]
        answer = pain.report(replace(initiation, payments=tuple(payments)), now, number=number)
        with self.db.transaction():
            self.db.run(
                "INSERT INTO payment_files (iban,message,created,request,report) VALUES (?,?,?,?,?)",
                *(iban, message, now.isoformat(), data, answer),
            )
            for payment in payments:
                self._book(iban, message, payment)
        return answer

    def _next_number(self) -> int:
        row = self.db.row("SELECT count(*) AS files FROM payment_files")
        return (row["files"] if row else 0) + 1

    def _rejections(self, iban: str) -> dict[str, str]:
        rows = self.db.rows("SELECT creditor,reason FROM rejections WHERE iban=?", iban)
        return {row["creditor"]: row["reason"] for row in rows}

    def _book(self, iban: str, message: str, payment: pain.Payment) -> None:
        values = asdict(payment)
        self.db.run(
            "INSERT INTO payments (iban,end_to_end,message,creditor,name,amount,reason) VALUES (?,?,?,?,?,?,?)",
            *(iban, payment.end_to_end, message, payment.iban, payment.name, str(payment.amount), values["reason"]),
        )
        if not payment.reason:
            self.bank.transfer(
                iban,
                Entry(
                    -payment.amount, payment.name, payment.remittance, payment.iban, end_to_end_id=payment.end_to_end
                ),
            )

    def give_back(self, iban: str, end_to_end: str, reason: str) -> None:
        """A payment that was booked comes back, once. Raises ValueError when there is none."""
        row = self.db.row(
            "SELECT rowid,* FROM payments WHERE iban=? AND end_to_end=? AND reason='' AND returned='' LIMIT 1",
            *(iban, end_to_end),
        )
        if row is None:
            raise ValueError(f"no booked payment {end_to_end}")
        with self.db.transaction():
            self.db.run("UPDATE payments SET returned=? WHERE rowid=?", reason, row["rowid"])
            self.bank.transfer(
                iban,
                Entry(
                    Decimal(row["amount"]), row["name"], f"RETURN {end_to_end}", row["creditor"],
                    end_to_end_id=end_to_end, return_reason=reason,
                ),
            )  # fmt: skip

    def files(self, iban: str) -> list[dict[str, Any]]:
        rows = self.db.rows(
            "SELECT number,message,created FROM payment_files WHERE iban=? ORDER BY number DESC", iban
        )  # fmt: skip
        return [dict(row) for row in rows]

    def payments(self, iban: str) -> list[dict[str, Any]]:
        rows = self.db.rows("SELECT * FROM payments WHERE iban=? ORDER BY rowid DESC LIMIT 200", iban)
        return [dict(row) for row in rows]

    def answer(self, iban: str, message: str) -> bytes | None:
        row = self.db.row("SELECT report FROM payment_files WHERE iban=? AND message=?", iban, message)
        return row["report"] if row else None
