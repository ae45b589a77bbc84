"""Profiles and their transactions, in one SQLite file."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._delivery import Deliveries
from sandbox._store import Database
from sandbox.paytabs.signing import CallbackSender

Transaction = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS profiles (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS transactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    profile TEXT NOT NULL, ref TEXT NOT NULL UNIQUE, cart TEXT NOT NULL, page TEXT UNIQUE,
    created REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_cart ON transactions (profile, cart, seq);
"""


class Store:
    """Every read names the profile, so profiles cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float) -> None:
        self.db = Database(folder / "paytabs.sqlite3", SCHEMA + _delivery.SCHEMA)
        # The first attempt and five retries (docs.paytabs.com).
        self.deliveries = Deliveries(self.db, CallbackSender(self), retry_base=retry_base, max_attempts=6)

    def profile(self, profile: str) -> dict[str, Any]:
        """server_key, ipn_url, business_name: what the merchant's dashboard holds."""
        row = self.db.row("SELECT body FROM profiles WHERE id=?", profile)
        return json.loads(row["body"]) if row else {}

    def set_profile(self, profile: str, values: dict[str, Any]) -> None:
        merged = {**self.profile(profile), **values}
        self.db.run(
            "INSERT INTO profiles VALUES (?,?) ON CONFLICT (id) DO UPDATE SET body=excluded.body",
            profile,
            json.dumps(merged),
        )

    def profiles(self) -> list[str]:
        return [row["id"] for row in self.db.rows("SELECT id FROM profiles ORDER BY id")]

    def new_reference(self) -> str:
        """TST, year and day of the year, and a running number, as test profiles get."""
        row = self.db.row("SELECT coalesce(max(seq), 0) + 1 AS next FROM transactions")
        return f"TST{datetime.now(UTC):%y%j}{secrets.randbelow(900) + 100}{row['next'] if row else 1:05d}"

    def insert(self, profile: str, transaction: Transaction) -> Transaction:
        self.db.run(
            "INSERT INTO transactions (profile,ref,cart,page,created,body) VALUES (?,?,?,?,?,?)",
            *(profile, transaction["tran_ref"], transaction["cart_id"], transaction.get("_page")),
            *(transaction["_created"], json.dumps(transaction)),
        )
        return transaction

    def update(self, profile: str, transaction: Transaction) -> None:
        self.db.run(
            "UPDATE transactions SET body=? WHERE profile=? AND ref=?",
            *(json.dumps(transaction), profile, transaction["tran_ref"]),
        )

    def find(self, profile: str, reference: str) -> Transaction | None:
        row = self.db.row("SELECT body FROM transactions WHERE profile=? AND ref=?", profile, reference)
        return json.loads(row["body"]) if row else None

    def by_cart(self, profile: str, cart: str) -> list[Transaction]:
        """Oldest first."""
        rows = self.db.rows("SELECT body FROM transactions WHERE profile=? AND cart=? ORDER BY seq", profile, cart)
        return [json.loads(row["body"]) for row in rows]

    def by_page(self, page: str) -> tuple[str, Transaction] | None:
        """The profile and transaction behind a hosted page's address."""
        row = self.db.row("SELECT profile, body FROM transactions WHERE page=?", page)
        return (row["profile"], json.loads(row["body"])) if row else None

    def all(self, profile: str) -> list[Transaction]:
        """Newest first."""
        rows = self.db.rows("SELECT body FROM transactions WHERE profile=? ORDER BY seq DESC", profile)
        return [json.loads(row["body"]) for row in rows]


def now() -> float:
    return time.time()
