"""The mails, as they came over the wire, and what can be read out of them."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from sandbox._store import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received TEXT NOT NULL,      -- ISO 8601, UTC
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,    -- JSON list: the envelope's, so Bcc is here and a forged To is not
    subject TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS recipients (
    message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    address TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS recipients_address ON recipients (address, message);
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for.

    ``to`` with an @ is a whole address, without one a part of it; ``after`` is the id of a message already
    seen or an ISO 8601 time; ``subject`` is part of the subject. Case does not matter.
    """

    to: str = ""
    after: str = ""
    subject: str = ""

    @classmethod
    def parse(cls, values: dict[str, str]) -> Query:
        """Raises ValueError for an ``after`` that is neither number nor time."""
        after = values.get("after", "").strip()
        if after and not after.isdecimal():
            # A plus sign in an address bar arrives as a space.
            moment = datetime.fromisoformat(after.replace(" ", "+"))
            after = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat()
        return cls(values.get("to", "").strip().lower(), after, values.get("subject", "").strip().lower())


class Mailbox:
    """All mail of all recipients, in one SQLite file."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(folder / "mailbox.sqlite3", SCHEMA)
        self._arrived = asyncio.Condition()

    async def add(self, sender: str, recipients: list[str], raw: bytes) -> int:
        """Store one mail and wake whoever waits; the message's id. Durable when it returns."""
        subject = str(parse(raw).get("subject", ""))
        with self.db.transaction():
            cursor = self.db.run(
                "INSERT INTO messages (received,sender,recipients,subject,raw) VALUES (?,?,?,?,?)",
                *(datetime.now(UTC).isoformat(), sender, json.dumps(recipients), subject, raw),
            )
            number = int(cursor.lastrowid or 0)
            for address in recipients:
                self.db.run("INSERT INTO recipients VALUES (?,?)", number, address.lower())
        async with self._arrived:
            self._arrived.notify_all()
        return number

    def find(self, query: Query, *, newest_first: bool = False, limit: int = 200) -> list[dict[str, Any]]:
        """Summaries of the matching mails, oldest first unless said otherwise."""
        conditions, values = ["1"], []
        if query.to:
            exact = "@" in query.to
            conditions.append(f"id IN (SELECT message FROM recipients WHERE address {'=' if exact else 'LIKE'} ?)")
            values.append(query.to if exact else f"%{query.to}%")
        if query.after:
            conditions.append("id > ?" if query.after.isdecimal() else "received > ?")
            values.append(int(query.after) if query.after.isdecimal() else query.after)  # type: ignore[arg-type]
        rows = self.db.rows(
            f"SELECT id,received,sender,recipients,subject FROM messages WHERE {' AND '.join(conditions)} "
            f"ORDER BY id {'DESC' if newest_first else 'ASC'}",
            *values,
        )
        # SQLite's lower() knows ASCII only, and subjects are in every alphabet.
        wanted = [row for row in rows if query.subject in row["subject"].lower()]
        return [_summary(row) for row in wanted[:limit]]

    async def wait(self, query: Query, timeout: float) -> list[dict[str, Any]]:
        """As :meth:`find`, but wait up to ``timeout`` seconds for the first match."""
        async with self._arrived:
            try:
                return await asyncio.wait_for(self._arrived.wait_for(lambda: self.find(query)), timeout)
            except TimeoutError:
                return []

    def raw(self, number: int) -> tuple[dict[str, Any], bytes] | None:
        """A mail's summary and its bytes."""
        row = self.db.row("SELECT * FROM messages WHERE id=?", number)
        return (_summary(row), row["raw"]) if row else None

    def clear(self, query: Query) -> int:
        """Delete the matching mails; how many."""
        found = [item["id"] for item in self.find(query, limit=1_000_000)]
        with self.db.transaction():
            for number in found:
                self.db.run("DELETE FROM messages WHERE id=?", number)
        return len(found)


def _summary(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "received": row["received"],
        "from": row["sender"],
        "to": json.loads(row["recipients"]),
        "subject": row["subject"],
    }


def parse(raw: bytes) -> EmailMessage:
    parsed = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body_text(mail: EmailMessage, kind: str) -> str | None:
    """The mail's ``plain`` or ``html`` body."""
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, UnicodeDecodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None


def parts(mail: EmailMessage) -> list[EmailMessage]:
    """Every leaf of the mail, in order; attachments are numbered by their place here."""
    return [part for part in mail.walk() if not part.is_multipart()]


def details(summary: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """A mail as the JSON interface shows it."""
    mail = parse(raw)
    html = body_text(mail, "html")
    text = body_text(mail, "plain")
    links = re.findall(r"""<a\b[^>]*?\bhref\s*=\s*["']([^"']+)["']""", html or "", re.IGNORECASE)
    return {
        **summary,
        "headers": [[name, str(value)] for name, value in mail.items()],
        "text": text,
        "html": html,
        "links": [link.replace("&amp;", "&") for link in links] or re.findall(r"https?://[^\s<>\"]+", text or ""),
        "attachments": [
            {
                "part": index,
                "filename": part.get_filename(),
                "content_type": part.get_content_type(),
                "content_id": (part.get("content-id") or "").strip("<>") or None,
                "size": len(part.get_payload(decode=True) or b""),
            }
            for index, part in enumerate(parts(mail))
            if part.get_filename() or part.get_content_maintype() not in {"text", "multipart"}
        ],
    }
