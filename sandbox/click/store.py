"""Services of merchants and the attempts to pay them, in one SQLite file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sandbox import _caller
from sandbox._caller import Caller
from sandbox._store import Database

Attempt = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS services (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, step TEXT NOT NULL, due REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_due ON attempts (step, due);
INSERT OR IGNORE INTO sqlite_sequence (name, seq) SELECT 'attempts', 13000000
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name='attempts');
"""


class Store:
    """Every read names the service, so merchants cannot see each other."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(folder / "click.sqlite3", SCHEMA + _caller.SCHEMA)
        self.caller = Caller(self.db)

    def service(self, service: str) -> dict[str, Any]:
        """secret_key, merchant_id, endpoint, name: what the merchant's cabinet holds."""
        row = self.db.row("SELECT body FROM services WHERE id=?", service)
        return json.loads(row["body"]) if row else {}

    def set_service(self, service: str, values: dict[str, Any]) -> None:
        self.db.run(
            "INSERT INTO services VALUES (?,?) ON CONFLICT (id) DO UPDATE SET body=excluded.body",
            service,
            json.dumps({**self.service(service), **values}),
        )

    def services(self) -> list[str]:
        return [row["id"] for row in self.db.rows("SELECT id FROM services ORDER BY id")]

    def begin(self, service: str, order: str, amount: str, *, declined: bool = False) -> Attempt:
        """An attempt nobody was asked about yet; ``declined``: the bank will say no after Prepare."""
        attempt: Attempt = {
            "service": service, "order": order, "amount": amount, "declined": declined, "step": "new", "due": 0.0,
            "error": 0, "note": "", "prepare_id": None, "confirm_id": None, "created": time.time(),
        }  # fmt: skip
        cursor = self.db.run(
            "INSERT INTO attempts (service,step,due,body) VALUES (?,?,?,?)", service, "new", 0.0, json.dumps(attempt)
        )
        attempt["id"] = int(cursor.lastrowid or 0)
        self.update(attempt)
        return attempt

    def update(self, attempt: Attempt) -> None:
        self.db.run(
            "UPDATE attempts SET step=?, due=?, body=? WHERE id=?",
            *(attempt["step"], attempt["due"], json.dumps(attempt), attempt["id"]),
        )

    def find(self, service: str, number: str) -> Attempt | None:
        identifier = int(number) if number.isdecimal() else 0
        row = self.db.row("SELECT body FROM attempts WHERE service=? AND id=?", service, identifier)
        return json.loads(row["body"]) if row else None

    def all(self, service: str) -> list[Attempt]:
        """Newest first."""
        rows = self.db.rows("SELECT body FROM attempts WHERE service=? ORDER BY id DESC", service)
        return [json.loads(row["body"]) for row in rows]

    def under_way(self, steps: tuple[str, ...]) -> list[Attempt]:
        """All services' attempts that still have something to say, the most overdue first."""
        marks = ",".join("?" * len(steps))
        rows = self.db.rows(f"SELECT body FROM attempts WHERE step IN ({marks}) ORDER BY due", *steps)
        return [json.loads(row["body"]) for row in rows]
