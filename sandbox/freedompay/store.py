"""Merchants, their payments, refunds and payouts, in one SQLite file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._store import Database
from sandbox.freedompay.calls import Callbacks, Sender

Payment = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS merchants (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant TEXT NOT NULL, kind TEXT NOT NULL, order_id TEXT NOT NULL, parent INTEGER, page TEXT UNIQUE,
    created REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS payments_order ON payments (merchant, kind, order_id);
CREATE INDEX IF NOT EXISTS payments_parent ON payments (parent);
CREATE TABLE IF NOT EXISTS used_keys (
    merchant TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (merchant, key)
);
CREATE TABLE IF NOT EXISTS answers (delivery INTEGER PRIMARY KEY, words TEXT NOT NULL);
INSERT OR IGNORE INTO sqlite_sequence (name, seq) SELECT 'payments', 7999000000
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name='payments');
"""


class Store:
    """Every read names the merchant, so merchants cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float) -> None:
        self.db = Database(folder / "freedompay.sqlite3", SCHEMA + _delivery.SCHEMA)
        # Every half hour for two hours: the first attempt and four more (freedompay.kz/docs-en/merchant-api/pay).
        self.deliveries = Callbacks(self.db, Sender(self), self, retry_base=retry_base, max_attempts=5)

    def merchant(self, merchant: str) -> dict[str, Any]:
        """secret_key, payout_key, name, currency, check: what the merchant's cabinet holds."""
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

    def insert(self, merchant: str, kind: str, payment: Payment, *, parent: int | None = None) -> Payment:
        """``kind`` is payment, refund or payout. Gives it its id."""
        cursor = self.db.run(
            "INSERT INTO payments (merchant,kind,order_id,parent,page,created,body) VALUES (?,?,?,?,?,?,?)",
            *(merchant, kind, payment["order_id"], parent, payment.get("page"), time.time(), "{}"),
        )
        payment |= {
            "id": cursor.lastrowid,
            "merchant": merchant,
            "kind": kind,
            "parent": parent,
            "created": time.time(),
        }
        self.update(payment)
        return payment

    def update(self, payment: Payment) -> None:
        self.db.run("UPDATE payments SET body=? WHERE id=?", json.dumps(payment), payment["id"])

    def _all(self, where: str, *values: object) -> list[Payment]:
        rows = self.db.rows(f"SELECT body FROM payments WHERE {where} ORDER BY id", *values)
        return [json.loads(row["body"]) for row in rows]

    def find(self, merchant: str, number: str) -> Payment | None:
        found = self._all("merchant=? AND id=?", merchant, int(number) if number.isdecimal() else 0)
        return found[0] if found else None

    def by_order(self, merchant: str, kind: str, order_id: str) -> Payment | None:
        """The last one made under an order id."""
        found = self._all("merchant=? AND kind=? AND order_id=?", merchant, kind, order_id)
        return found[-1] if found else None

    def by_page(self, page: str) -> Payment | None:
        found = self._all("page=?", page)
        return found[0] if found else None

    def refunds(self, payment: Payment) -> list[Payment]:
        return self._all("parent=?", payment["id"])

    def all(self, merchant: str) -> list[Payment]:
        """Newest first."""
        return self._all("merchant=?", merchant)[::-1]

    def used_key(self, merchant: str, key: str) -> tuple[str, str] | None:
        """What was asked and answered under an idempotency key."""
        row = self.db.row("SELECT request, answer FROM used_keys WHERE merchant=? AND key=?", merchant, key)
        return (row["request"], row["answer"]) if row else None

    def use_key(self, merchant: str, key: str, request: str, answer: str) -> None:
        self.db.run("INSERT INTO used_keys VALUES (?,?,?,?)", merchant, key, request, answer)

    def set_answer(self, delivery: int, words: str) -> None:
        self.db.run("INSERT OR REPLACE INTO answers VALUES (?,?)", delivery, words)

    def answers(self) -> dict[int, str]:
        return {row["delivery"]: row["words"] for row in self.db.rows("SELECT * FROM answers")}
