"""Merchants and their transactions, in one SQLite file."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

from sandbox import _caller
from sandbox._caller import Caller
from sandbox._store import Database

Transaction = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS merchants (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS transactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, merchant TEXT NOT NULL,
    step TEXT NOT NULL, due REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_due ON transactions (step, due);
"""


class Store:
    """Every read names the merchant, so merchants cannot see each other."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(folder / "payme.sqlite3", SCHEMA + _caller.SCHEMA)
        self.caller = Caller(self.db)

    def merchant(self, merchant: str) -> dict[str, Any]:
        """key, endpoint, name, account_field: what the merchant's cabinet holds."""
        row = self.db.row("SELECT body FROM merchants WHERE id=?", merchant)
        return json.loads(row["body"]) if row else {}

    def set_merchant(self, merchant: str, values: dict[str, Any]) -> None:
        self.db.run(
            "INSERT INTO merchants VALUES (?,?) ON CONFLICT (id) DO UPDATE SET body=excluded.body",
            merchant,
            json.dumps({**self.merchant(merchant), **values}),
        )

    def merchants(self) -> list[str]:
        return [row["id"] for row in self.db.rows("SELECT id FROM merchants ORDER BY id")]

    def begin(self, merchant: str, account: dict[str, str], amount: int) -> Transaction:
        """A transaction that nobody was asked about yet. Its id has 24 hexadecimal digits, its time milliseconds."""
        transaction = {
            "id": secrets.token_hex(12), "merchant": merchant, "account": account, "amount": amount,
            "time": int(time.time() * 1000), "step": "new", "error": "", "reason": None, "state": 0, "due": 0.0,
        }  # fmt: skip
        self.db.run(
            "INSERT INTO transactions (id,merchant,step,due,body) VALUES (?,?,?,?,?)",
            *(transaction["id"], merchant, "new", 0.0, json.dumps(transaction)),
        )
        return transaction

    def update(self, transaction: Transaction) -> None:
        self.db.run(
            "UPDATE transactions SET step=?, due=?, body=? WHERE id=?",
            *(transaction["step"], transaction["due"], json.dumps(transaction), transaction["id"]),
        )

    def find(self, merchant: str, identifier: str) -> Transaction | None:
        row = self.db.row("SELECT body FROM transactions WHERE merchant=? AND id=?", merchant, identifier)
        return json.loads(row["body"]) if row else None

    def all(self, merchant: str) -> list[Transaction]:
        """Newest first."""
        rows = self.db.rows("SELECT body FROM transactions WHERE merchant=? ORDER BY seq DESC", merchant)
        return [json.loads(row["body"]) for row in rows]

    def under_way(self, steps: tuple[str, ...]) -> list[Transaction]:
        """All merchants' transactions that still have something to say, the most overdue first."""
        marks = ",".join("?" * len(steps))
        rows = self.db.rows(f"SELECT body FROM transactions WHERE step IN ({marks}) ORDER BY due", *steps)
        return [json.loads(row["body"]) for row in rows]
