"""Merchants' accounts at a sandbox and what belongs to them, as documents in one SQLite file.

No protocol of any provider lives here. What is written inside `db.transaction()` survives a killed process whole.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sandbox import _delivery
from sandbox._delivery import Deliveries, Sender
from sandbox._store import Database

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (account, kind, id)
);
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (account, key)
);
"""


class Accounts:
    """Every read names the account, so accounts cannot see each other; `owner` is for pages that payers open."""

    def __init__(self, folder: Path, name: str, *, retry_base: float, max_attempts: int) -> None:
        self.db = Database(folder / f"{name}.sqlite3", SCHEMA + _delivery.SCHEMA)
        self._retry_base, self._max_attempts = retry_base, max_attempts
        self.deliveries: Deliveries

    def sends_with(self, sender: Sender) -> None:
        """Give the queue the provider's way of signing."""
        self.deliveries = Deliveries(
            self.db, sender, retry_base=self._retry_base, max_attempts=self._max_attempts
        )  # fmt: skip

    def settings(self, account: str) -> Document:
        row = self.db.row("SELECT settings FROM accounts WHERE id=?", account)
        return json.loads(row["settings"]) if row else {}

    def set_settings(self, account: str, values: Document) -> None:
        """Merge `values` into the account's settings; makes the account if it is new."""
        self.db.run(
            "INSERT INTO accounts VALUES (?,?) ON CONFLICT (id) DO UPDATE SET settings=excluded.settings",
            *(account, json.dumps({**self.settings(account), **values})),
        )

    def accounts(self) -> list[str]:
        return [row["id"] for row in self.db.rows("SELECT id FROM accounts ORDER BY id")]

    def owner(self, kind: str, identifier: str) -> str | None:
        """The account that has this document."""
        row = self.db.row("SELECT account FROM documents WHERE kind=? AND id=?", kind, identifier)
        return str(row["account"]) if row else None

    def put(self, account: str, kind: str, document: Document) -> Document:
        """Write or replace a document under its `id`. A new one gets `_created`, Unix seconds."""
        document.setdefault("_created", time.time())
        self.db.run(
            "INSERT INTO documents (account,kind,id,body) VALUES (?,?,?,?) "
            "ON CONFLICT (account,kind,id) DO UPDATE SET body=excluded.body",
            *(account, kind, document["id"], json.dumps(document)),
        )
        return document

    def get(self, account: str, kind: str, identifier: str) -> Document | None:
        row = self.db.row(
            "SELECT body FROM documents WHERE account=? AND kind=? AND id=?", account, kind, identifier
        )  # fmt: skip
        return json.loads(row["body"]) if row else None

    def all(self, account: str, kind: str) -> list[Document]:
        """Newest first."""
        rows = self.db.rows(
            "SELECT body FROM documents WHERE account=? AND kind=? ORDER BY seq DESC", account, kind
        )  # fmt: skip
        return [json.loads(row["body"]) for row in rows]

    def find(self, account: str, kind: str, **values: Any) -> Document | None:
        """The newest document in which all `values` stand."""
        matching = (item for item in self.all(account, kind) if values.items() <= item.items())
        return next(matching, None)

    def answered(self, account: str, key: str) -> tuple[str, int, bytes] | None:
        """What a request with this idempotency key was, and how it was answered: (request, status, body)."""
        row = self.db.row("SELECT * FROM answers WHERE account=? AND key=?", account, key)
        return (str(row["request"]), int(row["status"]), bytes(row["body"])) if row else None

    def keep_answer(self, account: str, key: str, request: str, status: int, body: bytes) -> None:
        self.db.run("INSERT INTO answers VALUES (?,?,?,?,?)", account, key, request, status, body)


def public(document: Document) -> Document:
    """A document without the sandbox's own fields, whose names begin with an underscore."""
    return {name: value for name, value in document.items() if not name.startswith("_")}
