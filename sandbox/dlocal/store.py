"""Merchants and what they asked for, in one SQLite file."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._delivery import Deliveries
from sandbox._store import Database
from sandbox.dlocal.signing import NotificationSender

Item = dict[str, Any]
KINDS = ("payment", "refund", "payout", "chargeback")
# Any X-Login works with these until its merchant's settings say otherwise.
DEFAULTS = {
    "trans_key": "sandbox-trans-key",
    "secret_key": "sandbox-secret-key",
    "client_id": "",
    "client_secret": "",
    "business_name": "",
    "payouts": "manual",  # or "paid": each is paid at once
    "refunds": "auto",  # or "pending", "rejected"
}
SCHEMA = """
CREATE TABLE IF NOT EXISTS merchants (login TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
    ours TEXT NOT NULL,         -- order_id or external_id; of a refund or chargeback the payment's id
    page TEXT UNIQUE, created REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS items_ours ON items (login, kind, ours);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, login TEXT NOT NULL, until REAL NOT NULL);
"""


class Store:
    """Every read names the merchant, so merchants cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float) -> None:
        self.db = Database(folder / "dlocal.sqlite3", SCHEMA + _delivery.SCHEMA)
        # Twelve attempts (docs.dlocal.com/docs/receive-notifications), though not over four days.
        self.deliveries = Deliveries(self.db, NotificationSender(self), retry_base=retry_base, max_attempts=12)

    def merchant(self, login: str) -> dict[str, str]:
        row = self.db.row("SELECT body FROM merchants WHERE login=?", login)
        return {**DEFAULTS, **(json.loads(row["body"]) if row else {})}

    def set_merchant(self, login: str, values: dict[str, str]) -> None:
        row = self.db.row("SELECT body FROM merchants WHERE login=?", login)
        merged = {**(json.loads(row["body"]) if row else {}), **values}
        self.db.run(
            "INSERT INTO merchants VALUES (?,?) ON CONFLICT (login) DO UPDATE SET body=excluded.body",
            login,
            json.dumps(merged),
        )

    def merchants(self) -> list[str]:
        return [row["login"] for row in self.db.rows("SELECT login FROM merchants ORDER BY login")]

    def client(self, client_id: str) -> str | None:
        """Whose OAuth client this is."""
        found = (login for login in self.merchants() if client_id and self.merchant(login)["client_id"] == client_id)
        return next(found, None)

    def add(self, login: str, kind: str, item: Item, ours: str) -> Item:
        values = (login, kind, item["id"], ours, item.get("_page"), item["_created"], json.dumps(item, default=str))
        self.db.run("INSERT INTO items (login,kind,id,ours,page,created,body) VALUES (?,?,?,?,?,?,?)", *values)
        return item

    def update(self, login: str, item: Item) -> None:
        self.db.run("UPDATE items SET body=? WHERE login=? AND id=?", json.dumps(item, default=str), login, item["id"])

    def find(self, login: str, kind: str, identifier: str) -> Item | None:
        query = "SELECT body FROM items WHERE login=? AND kind=? AND id=?"
        row = self.db.row(query, login, kind, identifier)
        return json.loads(row["body"]) if row else None

    def by_ours(self, login: str, kind: str, ours: str) -> list[Item]:
        """Oldest first."""
        query = "SELECT body FROM items WHERE login=? AND kind=? AND ours=? ORDER BY seq"
        return [json.loads(row["body"]) for row in self.db.rows(query, login, kind, ours)]

    def by_page(self, page: str) -> tuple[str, Item] | None:
        """The merchant and payment behind a hosted page's address."""
        row = self.db.row("SELECT login, body FROM items WHERE page=?", page)
        return (row["login"], json.loads(row["body"])) if row else None

    def all(self, login: str, kind: str, limit: int = 100) -> list[Item]:
        """Newest first."""
        query = "SELECT body FROM items WHERE login=? AND kind=? ORDER BY seq DESC LIMIT ?"
        return [json.loads(row["body"]) for row in self.db.rows(query, login, kind, limit)]

    def add_token(self, token: str, login: str, until: float) -> None:
        self.db.run("INSERT INTO tokens VALUES (?,?,?)", token, login, until)

    def token(self, token: str) -> str | None:
        """Whose access token this is, if it is still good."""
        row = self.db.row("SELECT login FROM tokens WHERE token=? AND until>?", token, now())
        return str(row["login"]) if row else None


def public(item: Item) -> Item:
    """What the API and the notifications show."""
    return {name: value for name, value in item.items() if not name.startswith("_")}


def now() -> float:
    return time.time()


def date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
