"""For providers that call the merchant and wait for an answer of substance: the calls, kept word for word, and their faults.

What is said and what a good answer looks like is the provider's business; here is only how it travels.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from sandbox import _delivery
from sandbox._control import empty, faults_form, when
from sandbox._delivery import Deliveries, Faults
from sandbox._html import Child, Markup, el
from sandbox._store import Database
from sandbox._web import outbound_client

SCHEMA = (
    _delivery.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL, request TEXT NOT NULL,
    status INTEGER, answer TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '', created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_account ON calls (account, id);
"""
)
TIMEOUT = 20.0
# Of the faults the others share, those a caller can have; the reset is the merchant's answer that gets lost.
WITHOUT = frozenset({
    "out_of_order", "old_timestamp", "api_delay_ms", "api_error_before_commit", "api_error_after_commit",
    "api_unauthorized",
})  # fmt: skip


class Lost(Exception):
    """No answer came: the call may have arrived or not."""


class _Nobody:
    """Nothing is queued here: the queue's table only keeps the faults."""

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        return {}

    def accepts(self, status: int) -> bool:
        return True

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return


class Caller:
    """Calls merchants and remembers what was said."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._faults = Deliveries(db, _Nobody(), retry_base=1, max_attempts=1)

    def faults(self, account: str) -> Faults:
        return self._faults.faults(account)

    def set_faults(self, account: str, faults: Faults) -> None:
        self._faults.set_faults(account, faults)

    def strike(self, account: str, name: str) -> bool:
        return self._faults.strike(account, name)

    async def call(
        self, account: str, subject: str, name: str, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, int]:
        """Status, body and the call's number. Raises Lost. Sent twice if the fault says so; the second answer counts."""
        faults = self.faults(account)
        await asyncio.sleep(faults.delay_ms / 1000)
        answer = (0, b"", 0)
        for _ in range(2 if faults.deliver_twice else 1):
            answer = await self._once(account, subject, name, url, body, headers)
        return answer

    async def _once(
        self, account: str, subject: str, name: str, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, int]:
        number = self._begin(account, subject, name, body)
        if self.strike(account, "drop_first"):
            self.note(number, "dropped on purpose")
            raise Lost
        try:
            async with outbound_client(TIMEOUT) as client:
                answer = await client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            self.note(number, f"{type(error).__name__}: {error}")
            raise Lost from error
        text = answer.content.decode("utf-8", "replace")
        self.db.run("UPDATE calls SET status=?, answer=? WHERE id=?", answer.status_code, text, number)
        if self.strike(account, "api_reset_after_commit"):
            self.note(number, "the answer was lost on purpose")
            raise Lost
        return answer.status_code, answer.content, number

    def _begin(self, account: str, subject: str, name: str, body: bytes) -> int:
        cursor = self.db.run(
            "INSERT INTO calls (account,subject,name,request,created) VALUES (?,?,?,?,?)",
            *(account, subject, name, body.decode(), time.time()),
        )
        return int(cursor.lastrowid or 0)

    def note(self, number: int, problem: str) -> None:
        """What was wrong with a call's answer."""
        self.db.run("UPDATE calls SET problem=? WHERE id=?", problem, number)

    def listing(self, account: str, limit: int = 200) -> list[dict[str, Any]]:
        """The conversation, oldest first."""
        rows = self.db.rows("SELECT * FROM calls WHERE account=? ORDER BY id DESC LIMIT ?", account, limit)
        return [dict(row) for row in reversed(rows)]

    def section(self, account: str) -> Markup:
        """The conversation for people: newest first, question and answer as they went over the wire."""
        said: list[Child] = [
            el(
                "details",
                el(
                    "summary",
                    f"{call['id']} {call['name']} {call['subject']} → {call['status'] or '–'} {call['problem']}",
                ),
                el("p", when(call["created"]), class_="hint"),
                el("pre", call["request"], class_="scroll", tabindex="0"),
                el("pre", call["answer"], class_="scroll", tabindex="0"),
            )
            for call in reversed(self.listing(account, 100))
        ]
        return el("section", el("h2", "Conversation"), said or empty("Nothing was said yet."), id="conversation")

    def faults_section(self, account: str) -> Markup:
        return faults_form(f"/_control/{account}/faults", self.faults(account), WITHOUT)
