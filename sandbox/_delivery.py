"""Delivers notifications to merchants at least once, and badly on demand.

A delivery is written in the same transaction as the change it tells of, so killing the process loses none.
What is sent and how it is signed is the provider's business: see :class:`Sender`.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

import httpx

from sandbox._store import Database
from sandbox._web import outbound_client

SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    target TEXT NOT NULL,       -- what the provider calls the receiver: an endpoint id, a transaction
    subject TEXT NOT NULL,      -- event id or transaction reference
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',   -- pending | delivered | failed
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    created REAL NOT NULL,
    status INTEGER,
    error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS faults (account TEXT PRIMARY KEY, settings TEXT NOT NULL);
"""

# With out-of-order delivery on, notifications wait this long for company to overtake.
SHUFFLE_WINDOW = 0.4
# A provider gives up on a receiver that has not answered by then (seconds).
RECEIVER_TIMEOUT = 20.0


@dataclass(slots=True)
class Faults:
    """What goes wrong for one account. Counts go down by one each time the fault strikes."""

    deliver_twice: bool = False
    out_of_order: bool = False
    delay_ms: int = 0
    drop_first: int = 0
    tamper_signature: int = 0
    old_timestamp: int = 0
    api_delay_ms: int = 0
    api_error_before_commit: int = 0
    api_error_after_commit: int = 0
    api_reset_after_commit: int = 0
    api_unauthorized: bool = False

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Faults:
        """From JSON or a form; raises ValueError naming what is unknown or of the wrong type."""
        known = {f.name: f.type for f in fields(cls)}
        clean: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown fault: {name}")
            wants_bool = known[name] in (bool, "bool")
            if wants_bool:
                clean[name] = value if isinstance(value, bool) else str(value).lower() in {"1", "true", "on", "yes"}
                continue
            number = int(value or 0)
            if isinstance(value, bool) or not 0 <= number <= 600_000:
                raise ValueError(f"{name}: a whole number from 0 to 600000")
            clean[name] = number
        return cls(**clean)


class Sender(Protocol):
    """The provider's side of a delivery."""

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        """The headers for one attempt, signature included."""
        ...

    def accepts(self, status: int) -> bool:
        """Whether this status ends the delivery."""
        ...

    # Optional: `refusal(delivery, answer: httpx.Response) -> str | None` says what is wrong with an answer's words, for
    # providers that read them. What it names is sent again.

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        """Called inside the transaction that ends the delivery."""
        ...


class Deliveries:
    """The outgoing queue: one file, one loop, one attempt at a time per receiver."""

    def __init__(self, db: Database, sender: Sender, *, retry_base: float, max_attempts: int) -> None:
        """``retry_base`` seconds before the first retry, doubling up to a minute."""
        self.db = db
        self.sender = sender
        self.retry_base = retry_base
        self.max_attempts = max_attempts
        self._wake = asyncio.Event()
        self._busy: set[tuple[str, str]] = set()
        self._running: set[asyncio.Task[None]] = set()

    def faults(self, account: str) -> Faults:
        row = self.db.row("SELECT settings FROM faults WHERE account=?", account)
        return Faults.parse(json.loads(row["settings"])) if row else Faults()

    def set_faults(self, account: str, faults: Faults) -> None:
        """Replaces all of the account's faults."""
        self.db.run(
            "INSERT INTO faults VALUES (?,?) ON CONFLICT (account) DO UPDATE SET settings=excluded.settings",
            account,
            json.dumps(asdict(faults)),
        )

    def strike(self, account: str, name: str) -> bool:
        """Whether the counted fault ``name`` strikes now; takes one off its count."""
        faults = self.faults(account)
        left = getattr(faults, name)
        if not left:
            return False
        setattr(faults, name, left - 1)
        self.set_faults(account, faults)
        return True

    def enqueue(self, account: str, target: str, subject: str, kind: str, url: str, body: bytes) -> None:
        """Queue one notification (twice if the fault says so). Call inside the change's transaction."""
        faults = self.faults(account)
        now = time.time()
        due = now + faults.delay_ms / 1000 + (SHUFFLE_WINDOW if faults.out_of_order else 0)
        for _ in range(2 if faults.deliver_twice else 1):
            self._insert(account, target, subject, kind, url, body, due)

    def _insert(self, *values: object) -> None:
        columns = "account,target,subject,kind,url,body,due,created"
        self.db.run(f"INSERT INTO deliveries ({columns}) VALUES (?,?,?,?,?,?,?,?)", *values, time.time())
        self._wake.set()

    def redeliver(self, delivery_id: int, account: str) -> bool:
        """A fresh delivery of the same bytes, now. False if there is no such delivery."""
        row = self.db.row("SELECT * FROM deliveries WHERE id=? AND account=?", delivery_id, account)
        if row is None:
            return False
        names = ("account", "target", "subject", "kind", "url", "body")
        self._insert(*(row[name] for name in names), time.time())
        return True

    def listing(self, account: str, limit: int = 100) -> list[dict[str, Any]]:
        """The account's deliveries, newest first, without their bodies."""
        rows = self.db.rows(
            "SELECT id,target,subject,kind,url,state,attempts,due,created,status,error FROM deliveries "
            "WHERE account=? ORDER BY id DESC LIMIT ?",
            account,
            limit,
        )
        return [dict(row) for row in rows]

    async def run(self) -> None:
        """Deliver for ever."""
        async with outbound_client(RECEIVER_TIMEOUT) as client:
            while True:
                self._wake.clear()
                now = time.time()
                for delivery in self._next_due(now):
                    receiver = (delivery["account"], delivery["target"])
                    self._busy.add(receiver)
                    task = asyncio.ensure_future(self._attempt(client, delivery))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                await self._sleep(now)

    def _next_due(self, now: float) -> list[Any]:
        """The next delivery for every receiver that is not being served right now."""
        chosen: dict[tuple[str, str], Any] = {}
        newest: dict[tuple[str, str], Any] = {}
        backwards: dict[str, bool] = {}
        query = "SELECT * FROM deliveries WHERE state='pending' AND due<=? ORDER BY id"
        for row in self.db.rows(query, now + SHUFFLE_WINDOW):
            receiver = (row["account"], row["target"])
            if receiver in self._busy:
                continue
            newest[receiver] = row
            if row["due"] <= now:
                chosen.setdefault(receiver, row)
        for receiver in chosen:
            account = receiver[0]
            if account not in backwards:
                backwards[account] = self.faults(account).out_of_order
            if backwards[account]:
                # What came a moment later overtakes, although its own wait is not quite over.
                chosen[receiver] = newest[receiver]
        return list(chosen.values())

    async def _sleep(self, looked: float) -> None:
        """Until something becomes due that was not when last looked: since then it may have become so."""
        row = self.db.row("SELECT min(due) AS due FROM deliveries WHERE state='pending' AND due>?", looked)
        wait = max(row["due"] - time.time(), 0.001) if row and row["due"] else None
        try:
            await asyncio.wait_for(self._wake.wait(), wait)
        except TimeoutError:
            return

    async def _attempt(self, client: httpx.AsyncClient, delivery: Any) -> None:
        account = delivery["account"]
        try:
            if self.strike(account, "drop_first"):
                self._finish(delivery, None, "dropped on purpose")
                return
            headers = self.sender.headers(
                delivery,
                now=time.time(),
                tamper=self.strike(account, "tamper_signature"),
                old=self.strike(account, "old_timestamp"),
            )
            try:
                answer = await client.post(delivery["url"], content=delivery["body"], headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                self._finish(delivery, None, f"{type(error).__name__}: {error}")
            else:
                self._finish(delivery, answer.status_code, self._refusal(delivery, answer))
        finally:
            self._busy.discard((account, delivery["target"]))
            self._wake.set()

    def _refusal(self, delivery: Any, answer: httpx.Response) -> str | None:
        reader = getattr(self.sender, "refusal", None)
        return reader(delivery, answer) if reader else None

    def _finish(self, delivery: Any, status: int | None, error: str | None) -> None:
        attempts = delivery["attempts"] + 1
        delivered = status is not None and error is None and self.sender.accepts(status)
        state = "delivered" if delivered else "failed" if attempts >= self.max_attempts else "pending"
        due = time.time() + min(self.retry_base * 2 ** (attempts - 1), 60)
        with self.db.transaction():
            self.db.run(
                "UPDATE deliveries SET state=?, attempts=?, due=?, status=?, error=? WHERE id=?",
                *(state, attempts, due, status, error, delivery["id"]),
            )
            if state != "pending":
                self.sender.settled(delivery, delivered=delivered)
