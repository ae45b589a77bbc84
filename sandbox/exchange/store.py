"""One SQLite file per trading server.

A record class is a table; nothing is acknowledged before its commit.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from sandbox.exchange.catalogue import GroupSpec
from sandbox.exchange.records import Account, Deal, Manager, Order, Position, RobotRow

T = TypeVar("T")
_SQL_TYPES = {"int": "INTEGER", "bool": "INTEGER", "str": "TEXT"}


class Table(Generic[T]):
    """Rows of one record class. int and bool become INTEGER, str TEXT, dicts and lists JSON text."""

    def __init__(self, name: str, record: type[T], key: str) -> None:
        self.name = name
        self.key = key
        self._record = record
        self._names = [column.name for column in fields(record)]  # type: ignore[arg-type]
        types = {column.name: str(column.type) for column in fields(record)}  # type: ignore[arg-type]
        self._json = {name for name, kind in types.items() if kind not in _SQL_TYPES}
        self._bools = {name for name, kind in types.items() if kind == "bool"}
        columns = ", ".join(
            f'"{name}" {_SQL_TYPES.get(types[name], "TEXT")}' + (" PRIMARY KEY" if name == key else " NOT NULL")
            for name in self._names
        )
        self.ddl = f'CREATE TABLE IF NOT EXISTS "{name}" ({columns})'
        quoted = ", ".join(f'"{column}"' for column in self._names)
        marks = ", ".join("?" * len(self._names))
        self._put = f'INSERT OR REPLACE INTO "{name}" ({quoted}) VALUES ({marks})'
        self._add = f'INSERT INTO "{name}" ({quoted}) VALUES ({marks})'
        self._select = f'SELECT {quoted} FROM "{name}"'

    def _row(self, record: T) -> list[Any]:
        return [
            json.dumps(getattr(record, name), ensure_ascii=False) if name in self._json else getattr(record, name)
            for name in self._names
        ]

    def _load(self, row: tuple[Any, ...]) -> T:
        values = dict(zip(self._names, row, strict=True))
        for name in self._json:
            values[name] = json.loads(values[name])
        for name in self._bools:
            values[name] = bool(values[name])
        return self._record(**values)

    def put(self, db: sqlite3.Connection, record: T) -> None:
        """Insert or overwrite one row."""
        db.execute(self._put, self._row(record))

    def add(self, db: sqlite3.Connection, records: Iterable[T]) -> None:
        """Insert new rows; an existing key is an error (sqlite3.IntegrityError)."""
        db.executemany(self._add, (self._row(record) for record in records))

    def delete(self, db: sqlite3.Connection, key: int | str) -> None:
        """Remove one row by its key."""
        db.execute(f'DELETE FROM "{self.name}" WHERE "{self.key}" = ?', (key,))

    def all(self, db: sqlite3.Connection) -> Iterator[T]:
        """Every row in key order."""
        return self.where(db, f'1 ORDER BY "{self.key}"')

    def where(self, db: sqlite3.Connection, condition: str, arguments: Iterable[Any] = ()) -> Iterator[T]:
        """Rows matching an SQL condition (constant text from this package, values bound)."""
        for row in db.execute(f"{self._select} WHERE {condition}", tuple(arguments)):
            yield self._load(row)

    def count(self, db: sqlite3.Connection, condition: str = "1", arguments: Iterable[Any] = ()) -> int:
        """How many rows match."""
        query = f'SELECT COUNT(*) FROM "{self.name}" WHERE {condition}'
        return int(db.execute(query, tuple(arguments)).fetchone()[0])


ACCOUNTS = Table("accounts", Account, "login")
GROUPS = Table("groups", GroupSpec, "name")
MANAGERS = Table("managers", Manager, "login")
POSITIONS = Table("positions", Position, "ticket")
ORDERS = Table("orders", Order, "ticket")
HISTORY = Table("history_orders", Order, "ticket")
DEALS = Table("deals", Deal, "ticket")
ROBOTS = Table("robots", RobotRow, "login")

_EXTRA_DDL = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL, payload TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS deals_login ON deals (login, time_msc, ticket)",
    "CREATE INDEX IF NOT EXISTS deals_time ON deals (time_msc, ticket)",
    "CREATE INDEX IF NOT EXISTS deals_position ON deals (position)",
    "CREATE INDEX IF NOT EXISTS history_login ON history_orders (login, time_done_msc, ticket)",
    "CREATE INDEX IF NOT EXISTS history_time ON history_orders (time_done_msc, ticket)",
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open (or create) a server's file: WAL, every commit synced to disk, transactions begun explicitly."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    for table in (ACCOUNTS, GROUPS, MANAGERS, POSITIONS, ORDERS, HISTORY, DEALS, ROBOTS):
        db.execute(table.ddl)
    for statement in _EXTRA_DDL:
        db.execute(statement)
    return db


def meta_get(db: sqlite3.Connection, key: str) -> Any | None:
    """A stored setting, or None."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row[0])


def meta_put(db: sqlite3.Connection, key: str, value: Any) -> None:
    """Store a setting as JSON."""
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, json.dumps(value)))


def event_add(db: sqlite3.Connection, at_ms: int, kind: str, payload: dict[str, Any]) -> int:
    """Append to the event log; its sequence number. `at_ms` is the machine's UTC clock."""
    cursor = db.execute(
        "INSERT INTO events (at_ms, kind, payload) VALUES (?, ?, ?)", (at_ms, kind, json.dumps(payload))
    )
    return int(cursor.lastrowid or 0)


def events_after(db: sqlite3.Connection, seq: int, limit: int, *, latest: bool = False) -> list[dict[str, Any]]:
    """Events with a number above `seq`, oldest first; with `latest`, the newest `limit` of them."""
    order = "DESC" if latest else "ASC"
    rows = db.execute(
        f"SELECT seq, at_ms, kind, payload FROM events WHERE seq > ? ORDER BY seq {order} LIMIT ?",
        (seq, limit),
    ).fetchall()
    rows.sort(key=lambda row: row[0])
    return [{"seq": row[0], "at_ms": row[1], "kind": row[2], **json.loads(row[3])} for row in rows]
