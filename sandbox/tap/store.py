"""Accounts with their charges and refunds, in one SQLite file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._delivery import Deliveries
from sandbox._store import Database
from sandbox.tap.signing import WebhookSender

Item = dict[str, Any]
KINDS = ("charge", "refund")
IDEMPOTENT_FOR = 24 * 3600.0  # seconds (developers.tap.company/docs/idempotency)
DEFAULTS = {
    "secret_key": "",
    "business_name": "",
    "refunds": "auto",  # or "pending", "declined"
    "fee_percent": "",  # shown in charges when set
}
SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
    charge TEXT NOT NULL,       -- of a refund
    page TEXT UNIQUE, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS items_charge ON items (account, kind, charge);
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, made REAL NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (account, kind, key)
);
"""


class Store:
    """Every read names the account, so accounts cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float) -> None:
        self.db = Database(folder / "tap.sqlite3", SCHEMA + _delivery.SCHEMA)
        self.deliveries = Deliveries(self.db, WebhookSender(self), retry_base=retry_base, max_attempts=6)

    def account(self, name: str) -> dict[str, str]:
        row = self.db.row("SELECT body FROM accounts WHERE name=?", name)
        return {**DEFAULTS, **(json.loads(row["body"]) if row else {})}

    def set_account(self, name: str, values: dict[str, str]) -> None:
        self.db.run(
            "INSERT INTO accounts VALUES (?,?) ON CONFLICT (name) DO UPDATE SET body=excluded.body",
            *(name, json.dumps({**self.account(name), **values})),
        )

    def accounts(self) -> list[str]:
        return [row["name"] for row in self.db.rows("SELECT name FROM accounts ORDER BY name")]

    def add(self, account: str, kind: str, item: Item, charge: str = "") -> Item:
        values = (account, kind, item["id"], charge, item.get("_page"), json.dumps(item, default=str))
        self.db.run("INSERT INTO items (account,kind,id,charge,page,body) VALUES (?,?,?,?,?,?)", *values)
        return item

    def update(self, account: str, item: Item) -> None:
        self.db.run(
            "UPDATE items SET body=? WHERE account=? AND id=?", json.dumps(item, default=str), account, item["id"]
        )

    def find(self, account: str, kind: str, identifier: str) -> Item | None:
        query = "SELECT body FROM items WHERE account=? AND kind=? AND id=?"
        row = self.db.row(query, account, kind, identifier)
        return json.loads(row["body"]) if row else None

    def refunds_of(self, account: str, charge: str) -> list[Item]:
        query = "SELECT body FROM items WHERE account=? AND kind='refund' AND charge=? ORDER BY seq"
        return [json.loads(row["body"]) for row in self.db.rows(query, account, charge)]

    def by_page(self, page: str) -> tuple[str, Item] | None:
        """The account and charge behind a hosted page's address."""
        row = self.db.row("SELECT account, body FROM items WHERE page=?", page)
        return (row["account"], json.loads(row["body"])) if row else None

    def all(self, account: str, kind: str, limit: int = 1000) -> list[Item]:
        """Newest first."""
        query = "SELECT body FROM items WHERE account=? AND kind=? ORDER BY seq DESC LIMIT ?"
        return [json.loads(row["body"]) for row in self.db.rows(query, account, kind, limit)]

    def answered(self, account: str, kind: str, key: str) -> Item | None:
        """The answer given to the same idempotent string within a day."""
        query = "SELECT body FROM answers WHERE account=? AND kind=? AND key=? AND made>?"
        row = self.db.row(query, account, kind, key, now() - IDEMPOTENT_FOR)
        return json.loads(row["body"]) if row else None

    def keep_answer(self, account: str, kind: str, key: str, answer: Item) -> None:
        query = "INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?)"
        self.db.run(query, account, kind, key, now(), json.dumps(answer, default=str))


def public(item: Item) -> Item:
    """What the API and the webhooks show."""
    return {name: value for name, value in item.items() if not name.startswith("_")}


def now() -> float:
    return time.time()
