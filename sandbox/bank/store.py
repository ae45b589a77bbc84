"""Accounts of a make-believe bank: transfers come in, statements are drawn."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox._store import Database
from sandbox.bank.camt import Entry, Statement, iban_valid, render
from sandbox.bank.mt940 import STYLES, render_mt940

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    iban TEXT PRIMARY KEY, currency TEXT NOT NULL, owner TEXT NOT NULL, balance TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    iban TEXT NOT NULL REFERENCES accounts (iban),
    body TEXT NOT NULL,
    statement INTEGER              -- the number of the statement that tells of it
);
CREATE TABLE IF NOT EXISTS statements (
    iban TEXT NOT NULL REFERENCES accounts (iban), number INTEGER NOT NULL, created TEXT NOT NULL,
    opening TEXT NOT NULL, closing TEXT NOT NULL, entries INTEGER NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (iban, number)
);
CREATE TABLE IF NOT EXISTS days (
    iban TEXT NOT NULL, number INTEGER NOT NULL, day TEXT NOT NULL, PRIMARY KEY (iban, number)
);
"""
FORMATS = ("camt053", *(f"mt940-{style}" for style in STYLES))


class Bank:
    """Balances are kept as decimal text; nothing here is a float."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(folder / "bank.sqlite3", SCHEMA)

    def open_account(self, iban: str, currency: str, owner: str, opening: str = "") -> None:
        """Idempotent; raises ValueError for a bad IBAN or another currency than before.

        `opening` is what the account holds before its first transfer; it says nothing once something has moved.
        """
        if not iban_valid(iban):
            raise ValueError(f"not an IBAN: {iban}")
        known = self.db.row("SELECT currency FROM accounts WHERE iban=?", iban)
        if known and known["currency"] != currency:
            raise ValueError(f"{iban} is kept in {known['currency']}")
        # Rendering checks the currency before the account exists.
        held = decimal(opening or "0")
        render(Statement(iban, currency, [], held))
        with self.db.transaction():
            self.db.run("INSERT INTO accounts VALUES (?,?,?,'0') ON CONFLICT DO NOTHING", iban, currency, owner)
            if opening and not self._touched(iban):
                self.db.run("UPDATE accounts SET balance=? WHERE iban=?", str(held), iban)

    def _touched(self, iban: str) -> bool:
        tables = ("transfers", "statements")
        return any(self.db.row(f"SELECT 1 FROM {table} WHERE iban=?", iban) for table in tables)  # noqa: S608

    def account(self, iban: str) -> dict[str, Any] | None:
        row = self.db.row("SELECT * FROM accounts WHERE iban=?", iban)
        return dict(row) if row else None

    def accounts(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.db.rows("SELECT * FROM accounts ORDER BY iban")]

    def transfer(self, iban: str, entry: Entry) -> int:
        """Book one entry for the next statement; raises ValueError for what no bank could write."""
        account = self.account(iban)
        if account is None:
            raise ValueError(f"no such account: {iban}")
        render(Statement(iban, account["currency"], [entry]))
        with self.db.transaction():
            body = json.dumps(entry_values(entry))
            cursor = self.db.run("INSERT INTO transfers (iban,body) VALUES (?,?)", iban, body)
            if entry.status == "BOOK":
                balance = Decimal(account["balance"]) + entry.amount
                self.db.run("UPDATE accounts SET balance=? WHERE iban=?", str(balance), iban)
        return int(cursor.lastrowid or 0)

    def waiting(self, iban: str) -> list[Entry]:
        rows = self.db.rows("SELECT body FROM transfers WHERE iban=? AND statement IS NULL ORDER BY id", iban)
        return [entry_from(json.loads(row["body"])) for row in rows]

    def draw_statement(self, iban: str, day: date | None = None, version: int = 8) -> tuple[int, bytes]:
        """All entries since the last statement, as its successor: same balance, next number."""
        account = self.account(iban)
        if account is None:
            raise ValueError(f"no such account: {iban}")
        last = self.db.row("SELECT max(number) AS number FROM statements WHERE iban=?", iban)
        number = ((last["number"] if last else None) or 0) + 1
        entries = self.waiting(iban)
        booked = sum((e.amount for e in entries if e.status == "BOOK"), Decimal(0))
        statement = Statement(
            iban, account["currency"], entries, Decimal(account["balance"]) - booked,
            day or datetime.now(UTC).date(), account["owner"], number=number, version=version,
        )  # fmt: skip
        document = render(statement)
        with self.db.transaction():
            self.db.run(
                "INSERT INTO statements VALUES (?,?,?,?,?,?,?)",
                *(
                    iban,
                    number,
                    datetime.now(UTC).isoformat(),
                    str(statement.opening),
                    str(statement.closing),
                ),
                *(len(entries), document),
            )
            self.db.run("UPDATE transfers SET statement=? WHERE iban=? AND statement IS NULL", number, iban)
            self.db.run("INSERT INTO days VALUES (?,?,?)", iban, number, statement.day.isoformat())
        return number, document

    def statements(self, iban: str) -> list[dict[str, Any]]:
        rows = self.db.rows(
            "SELECT number,created,opening,closing,entries FROM statements WHERE iban=? ORDER BY number DESC",
            iban,
        )
        return [dict(row) for row in rows]

    def document(self, iban: str, number: int, form: str = "camt053") -> bytes | None:
        """A drawn statement, in any of ``FORMATS``; the same bytes each time. Raises ValueError for another format."""
        if form not in FORMATS:
            raise ValueError(f"unknown format: {form}; one of {', '.join(FORMATS)}")
        row = self.db.row("SELECT * FROM statements WHERE iban=? AND number=?", iban, number)
        if row is None or form == "camt053":
            return row["document"] if row else None
        return render_mt940(self._drawn(iban, row), form.removeprefix("mt940-"))

    def _drawn(self, iban: str, row: Any) -> Statement:
        bodies = self.db.rows(
            "SELECT body FROM transfers WHERE iban=? AND statement=? ORDER BY id", iban, row["number"]
        )
        day = self.db.row("SELECT day FROM days WHERE iban=? AND number=?", iban, row["number"])
        account = self.account(iban) or {}
        return Statement(
            iban, account["currency"], [entry_from(json.loads(body["body"])) for body in bodies],
            Decimal(row["opening"]), date.fromisoformat(day["day"] if day else row["created"][:10]), account["owner"],
            number=row["number"],
        )  # fmt: skip


def entry_values(entry: Entry) -> dict[str, Any]:
    """An entry as JSON."""
    values = {name: getattr(entry, name) for name in Entry.__slots__}
    plain = (str, int, bool, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in values.items()}


def entry_from(values: dict[str, Any]) -> Entry:
    """The entry of a JSON object or form. Raises ValueError naming what is wrong."""
    unknown = set(values) - set(Entry.__slots__)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    clean: dict[str, Any] = {}
    for name, value in values.items():
        if name in {"amount", "charges"}:
            clean[name] = decimal(value)
        elif name in {"booked", "value"}:
            clean[name] = date.fromisoformat(value) if value else None
        elif name in {"reversal", "structured"}:
            clean[name] = value if isinstance(value, bool) else str(value).lower() in {"1", "true", "on", "yes"}
        elif name == "split":
            clean[name] = int(value)
        elif name in {"iban", "bic"}:
            clean[name] = str(value).replace(" ", "").upper()
        else:
            clean[name] = str(value)
    if "amount" not in clean:
        raise ValueError("amount is missing")
    return Entry(**clean)


def decimal(value: object) -> Decimal:
    """An exact amount; a JSON float is refused because it is none. Raises ValueError."""
    if isinstance(value, float):
        raise ValueError("write amounts as text, not as floating point numbers")
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"not an amount: {value}") from None
    if not amount.is_finite():
        raise ValueError(f"not an amount: {value}")
    return amount
