"""Objects, events and scheduled work of all accounts, in one SQLite file."""

from __future__ import annotations

import json
import secrets
import string
import time
from pathlib import Path
from typing import Any

from stripe import api_version as CURRENT_VERSION

from sandbox import _delivery
from sandbox._delivery import Deliveries
from sandbox._store import Database
from sandbox.stripe.errors import missing
from sandbox.stripe.signing import WebhookSender

Object = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_listing ON objects (account, kind, seq);
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, request_id TEXT NOT NULL,
    status INTEGER NOT NULL, body BLOB NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, task TEXT NOT NULL, subject TEXT NOT NULL, due REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due);
CREATE TABLE IF NOT EXISTS settings (account TEXT PRIMARY KEY, body TEXT NOT NULL);
"""

# The kinds whose identifiers do not start with their own name.
PREFIXES = {
    "checkout.session": "cs_test",
    "payment_intent": "pi",
    "payment_method": "pm",
    "charge": "ch",
    "refund": "re",
    "dispute": "du",
    "customer": "cus",
    "event": "evt",
    "webhook_endpoint": "we",
    "balance_transaction": "txn",
    "line_item": "li",
    "price": "price",
    "product": "prod",
}

ALPHABET = string.ascii_letters + string.digits


def token(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(kind: str) -> str:
    """A fresh identifier with the prefix of its kind."""
    if kind == "checkout.session":
        return f"cs_test_a1{token(56)}"
    return f"{PREFIXES[kind]}_{token(24)}"


class Store:
    """What the accounts own. Every read names the account, so accounts cannot see each other."""

    def __init__(self, folder: Path, *, retry_base: float, max_attempts: int) -> None:
        self.db = Database(folder / "stripe.sqlite3", SCHEMA + _delivery.SCHEMA)
        self.deliveries = Deliveries(self.db, WebhookSender(self), retry_base=retry_base, max_attempts=max_attempts)

    def insert(self, account: str, body: Object) -> Object:
        self.db.run(
            "INSERT INTO objects (account,kind,id,created,body) VALUES (?,?,?,?,?)",
            *(account, body["object"], body["id"], body["created"], json.dumps(body)),
        )
        return body

    def update(self, account: str, body: Object) -> Object:
        self.db.run("UPDATE objects SET body=? WHERE account=? AND id=?", json.dumps(body), account, body["id"])
        return body

    def delete(self, account: str, kind: str, identifier: str) -> None:
        self.db.run("DELETE FROM objects WHERE account=? AND kind=? AND id=?", account, kind, identifier)

    def find(self, account: str, kind: str, identifier: str) -> Object | None:
        row = self.db.row("SELECT body FROM objects WHERE account=? AND kind=? AND id=?", account, kind, identifier)
        return json.loads(row["body"]) if row else None

    def get(self, account: str, kind: str, identifier: str, param: str = "id") -> Object:
        """The object, or an ApiError 404 with code resource_missing."""
        found = self.find(account, kind, identifier)
        if found is None:
            raise missing(kind, identifier, param)
        return found

    def owner(self, kind: str, identifier: str) -> str | None:
        """Whose object this is; for the hosted page, whose address is the only credential."""
        row = self.db.row("SELECT account FROM objects WHERE kind=? AND id=?", kind, identifier)
        return row["account"] if row else None

    def all(self, account: str, kind: str) -> list[Object]:
        """Every object of a kind, newest first."""
        rows = self.db.rows("SELECT body FROM objects WHERE account=? AND kind=? ORDER BY seq DESC", account, kind)
        return [json.loads(row["body"]) for row in rows]

    def accounts(self) -> list[str]:
        """Every account that ever did something."""
        rows = self.db.rows(
            "SELECT account FROM objects UNION SELECT account FROM faults UNION SELECT account FROM settings "
            "ORDER BY account"
        )
        return [row["account"] for row in rows]

    def emit(
        self,
        account: str,
        kind: str,
        subject: Object,
        previous: Object | None = None,
        request: str | None = None,
    ) -> Object:
        """Record an event with the object as it is now and queue it for every endpoint that wants it."""
        data: Object = {"object": subject}
        if previous:
            data["previous_attributes"] = previous
        endpoints = [e for e in self.all(account, "webhook_endpoint") if _wants(e, kind)]
        event: Object = {
            "id": new_id("event"),
            "object": "event",
            "api_version": CURRENT_VERSION,
            "created": int(time.time()),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": request, "idempotency_key": None},
            "type": kind,
        }
        self.insert(account, event)
        body = json.dumps(event, indent=2, ensure_ascii=False).encode()
        for endpoint in reversed(endpoints):
            self.deliveries.enqueue(account, endpoint["id"], str(event["id"]), kind, endpoint["url"], body)
        return event

    def schedule(self, account: str, task: str, subject: str, due: float) -> None:
        """Do ``task`` to ``subject`` at ``due`` (Unix seconds), also after a restart."""
        self.db.run("INSERT INTO jobs (account,task,subject,due) VALUES (?,?,?,?)", account, task, subject, due)

    def settings(self, account: str) -> Object:
        """What the account's owner would set in the dashboard."""
        row = self.db.row("SELECT body FROM settings WHERE account=?", account)
        return json.loads(row["body"]) if row else {}

    def set_settings(self, account: str, values: Object) -> None:
        self.db.run(
            "INSERT INTO settings VALUES (?,?) ON CONFLICT (account) DO UPDATE SET body=excluded.body",
            account,
            json.dumps(values),
        )


def _wants(endpoint: Object, kind: str) -> bool:
    chosen = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in chosen or kind in chosen)
