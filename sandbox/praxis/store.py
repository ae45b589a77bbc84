"""Merchants, cashier sessions and transactions, in one SQLite file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._delivery import Deliveries
from sandbox._store import Database
from sandbox.praxis.signing import NotificationSender

Record = dict[str, Any]
FIRST_TID = 2_000_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS merchants (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant TEXT NOT NULL, order_id TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL, expires REAL NOT NULL, body TEXT NOT NULL,
    UNIQUE (merchant, order_id)
);
CREATE INDEX IF NOT EXISTS sessions_open ON sessions (status, expires);
CREATE TABLE IF NOT EXISTS transactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant TEXT NOT NULL, order_id TEXT NOT NULL, reference INTEGER, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_order ON transactions (merchant, order_id, seq);
"""


class Store:
    """Every read names the merchant, so merchants cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float) -> None:
        self.db = Database(folder / "praxis.sqlite3", SCHEMA + _delivery.SCHEMA)
        self.deliveries = Deliveries(self.db, NotificationSender(self), retry_base=retry_base, max_attempts=8)

    def merchant(self, merchant: str) -> Record:
        """application_key, merchant_secret, shop_name, fractions: what Praxis' back office holds."""
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

    def insert_session(self, session: Record) -> Record:
        self.db.run(
            "INSERT INTO sessions (merchant,order_id,token,status,expires,body) VALUES (?,?,?,?,?,?)",
            *(session["_merchant"], session["order_id"], session["auth_token"], session["session_status"]),
            *(session["_expires"], json.dumps(session)),
        )
        return session

    def save_session(self, session: Record) -> None:
        self.db.run(
            "UPDATE sessions SET status=?, expires=?, body=? WHERE merchant=? AND order_id=?",
            *(session["session_status"], session["_expires"], json.dumps(session)),
            *(session["_merchant"], session["order_id"]),
        )

    def session(self, merchant: str, order_id: str) -> Record | None:
        row = self.db.row("SELECT body FROM sessions WHERE merchant=? AND order_id=?", merchant, order_id)
        return json.loads(row["body"]) if row else None

    def session_by_token(self, token: str) -> Record | None:
        row = self.db.row("SELECT body FROM sessions WHERE token=?", token)
        return json.loads(row["body"]) if row else None

    def sessions(self, merchant: str) -> list[Record]:
        """Newest first."""
        rows = self.db.rows("SELECT body FROM sessions WHERE merchant=? ORDER BY seq DESC LIMIT 100", merchant)
        return [json.loads(row["body"]) for row in rows]

    def overdue(self) -> list[Record]:
        query = "SELECT body FROM sessions WHERE status='open' AND expires<=? ORDER BY seq"
        return [json.loads(row["body"]) for row in self.db.rows(query, time.time())]

    def insert_transaction(self, transaction: Record) -> Record:
        """Gives it its ``tid``."""
        written = self.db.run(
            "INSERT INTO transactions (merchant,order_id,reference,body) VALUES (?,?,?,?)",
            *(transaction["_merchant"], transaction["_order_id"], transaction["reference_id"], "{}"),
        )
        transaction["tid"] = FIRST_TID + int(written.lastrowid or 0)
        self.save_transaction(transaction)
        return transaction

    def save_transaction(self, transaction: Record) -> None:
        seq = transaction["tid"] - FIRST_TID
        self.db.run("UPDATE transactions SET body=? WHERE seq=?", json.dumps(transaction), seq)

    def transaction(self, merchant: str, tid: int) -> Record | None:
        row = self.db.row("SELECT body FROM transactions WHERE merchant=? AND seq=?", merchant, tid - FIRST_TID)
        return json.loads(row["body"]) if row else None

    def of_order(self, merchant: str, order_id: str) -> list[Record]:
        """Oldest first."""
        query = "SELECT body FROM transactions WHERE merchant=? AND order_id=? ORDER BY seq"
        return [json.loads(row["body"]) for row in self.db.rows(query, merchant, order_id)]

    def refunds_of(self, merchant: str, tid: int) -> list[Record]:
        query = "SELECT body FROM transactions WHERE merchant=? AND reference=? ORDER BY seq"
        return [json.loads(row["body"]) for row in self.db.rows(query, merchant, tid)]

    def transactions(self, merchant: str) -> list[Record]:
        """Newest first."""
        query = "SELECT body FROM transactions WHERE merchant=? ORDER BY seq DESC LIMIT 200"
        return [json.loads(row["body"]) for row in self.db.rows(query, merchant)]
