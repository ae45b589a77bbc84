"""Merchants, addresses and transactions, in one SQLite file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._delivery import Deliveries
from sandbox._store import Database
from sandbox.cryptoproc.signing import CallbackSender

Record = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS merchants (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS addresses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant TEXT NOT NULL, currency TEXT NOT NULL, foreign_id TEXT NOT NULL, address TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
    UNIQUE (merchant, currency, foreign_id)
);
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant TEXT NOT NULL, foreign_id TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_foreign ON transactions (merchant, foreign_id, id);
"""


class Store:
    """Every read names the merchant, so merchants cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float) -> None:
        self.db = Database(folder / "cryptoproc.sqlite3", SCHEMA + _delivery.SCHEMA)
        # The first attempt and twelve retries (docs.cryptoprocessing.com, "Callbacks overview").
        self.deliveries = Deliveries(self.db, CallbackSender(self), retry_base=retry_base, max_attempts=13)

    def merchant(self, merchant: str) -> Record:
        """secret_key, callback_url, fee_percent, balances: what the merchant's settings hold."""
        row = self.db.row("SELECT body FROM merchants WHERE id=?", merchant)
        return json.loads(row["body"]) if row else {}

    def set_merchant(self, merchant: str, values: Record) -> None:
        merged = {**self.merchant(merchant), **values}
        self.db.run(
            "INSERT INTO merchants VALUES (?,?) ON CONFLICT (id) DO UPDATE SET body=excluded.body",
            *(merchant, json.dumps(merged)),
        )

    def merchants(self) -> list[str]:
        return [row["id"] for row in self.db.rows("SELECT id FROM merchants ORDER BY id")]

    def address(self, merchant: str, currency: str, foreign_id: str) -> Record | None:
        query = "SELECT id, body FROM addresses WHERE merchant=? AND currency=? AND foreign_id=?"
        row = self.db.row(query, merchant, currency, foreign_id)
        return {"id": row["id"], **json.loads(row["body"])} if row else None

    def address_at(self, merchant: str, address: str) -> Record | None:
        row = self.db.row("SELECT id, body FROM addresses WHERE merchant=? AND address=?", merchant, address)
        return {"id": row["id"], **json.loads(row["body"])} if row else None

    def addresses(self, merchant: str) -> list[Record]:
        """Newest first."""
        rows = self.db.rows("SELECT id, body FROM addresses WHERE merchant=? ORDER BY id DESC LIMIT 100", merchant)
        return [{"id": row["id"], **json.loads(row["body"])} for row in rows]

    def insert_address(self, merchant: str, body: Record) -> Record:
        written = self.db.run(
            "INSERT INTO addresses (merchant,currency,foreign_id,address,body) VALUES (?,?,?,?,?)",
            *(merchant, body["currency"], body["foreign_id"], body["address"], json.dumps(body)),
        )
        return {"id": int(written.lastrowid or 0), **body}

    def insert_transaction(self, merchant: str, foreign_id: str, body: Record) -> Record:
        written = self.db.run(
            "INSERT INTO transactions (merchant,foreign_id,type,body) VALUES (?,?,?,?)",
            *(merchant, foreign_id, body["type"], "{}"),
        )
        body = {"id": int(written.lastrowid or 0), **body}
        self.save_transaction(body)
        return body

    def save_transaction(self, body: Record) -> None:
        self.db.run("UPDATE transactions SET body=? WHERE id=?", json.dumps(body), body["id"])

    def transaction(self, merchant: str, number: int) -> Record | None:
        row = self.db.row("SELECT body FROM transactions WHERE merchant=? AND id=?", merchant, number)
        return json.loads(row["body"]) if row else None

    def by_foreign_id(self, merchant: str, foreign_id: str, kind: str = "") -> Record | None:
        """The newest."""
        query = (
            "SELECT body FROM transactions WHERE merchant=? AND foreign_id=? AND type LIKE ? ORDER BY id DESC LIMIT 1"
        )
        row = self.db.row(query, merchant, foreign_id, f"{kind}%")
        return json.loads(row["body"]) if row else None

    def transactions(self, merchant: str) -> list[Record]:
        """Newest first."""
        rows = self.db.rows("SELECT body FROM transactions WHERE merchant=? ORDER BY id DESC LIMIT 200", merchant)
        return [json.loads(row["body"]) for row in rows]
