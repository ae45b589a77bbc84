"""The audit trail (product.md, K4): every critical act, append-only, sealed in a chain of blocks, verifiable.

Invariants. A line is written in the transaction of the act: no act without its line, no line without its act. The
tenant's role may INSERT and SELECT only. Blocks seal lines in the order (txid, id), and only those whose transaction id
lies below the oldest running one, so no later commit can slip into a sealed range. A changed, removed or inserted line
changes its block's hash, and each block holds the hash of the one before.

Killed between any two lines, `seal` leaves either no block or a whole one: it is one INSERT; two sealers at once
collide on the unique previous hash and one of them gives up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Model, Q

from kernel.actors import Actor
from kernel.clock import now
from kernel.logs import request_id
from kernel.models import AuditBlock, AuditEntry

GENESIS = "0" * 64
BLOCK = 1000


def record(
    *,
    actor: Actor,
    action: str,
    obj: Model | None = None,
    label: str = "",
    subject: object = "",
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write a line. `subject` is the client concerned; `before`/`after` hold only what changed, never a secret."""
    return AuditEntry.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:160],
        on_behalf_of=actor.on_behalf_of[:160],
        ip=actor.ip,
        user_agent=actor.user_agent[:300],
        request_id=request_id.get()[:40],
        action=action,
        object_type=obj._meta.label_lower if obj is not None else "",
        object_id=str(obj.pk) if obj is not None else "",
        object_label=(label or (str(obj) if obj is not None else ""))[:200],
        subject=str(subject or ""),
        reason=reason,
        before=before,
        after=after,
    )


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the fields that differ, as JSON can hold them."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: _plain(before.get(key)) for key in keys}, {key: _plain(after[key]) for key in keys}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str | list | dict) else str(value)


def canonical(entry: AuditEntry) -> bytes:
    """One form of a line, whatever wrote it: sorted keys, microseconds in UTC, no spaces."""
    fields = {
        name: getattr(entry, name)
        for name in (
            "id", "txid", "actor_kind", "actor_id", "actor_label", "on_behalf_of", "ip", "user_agent", "request_id",
            "action", "object_type", "object_id", "object_label", "subject", "reason", "before", "after",
        )
    }  # fmt: skip
    fields["at"] = entry.at.isoformat(timespec="microseconds")
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _hash(previous: str, entries: list[AuditEntry]) -> str:
    digest = hashlib.sha256(previous.encode())
    for entry in entries:
        line = canonical(entry)
        digest.update(len(line).to_bytes(8, "big"))
        digest.update(line)
    return digest.hexdigest()


def _after(txid: int, entry_id: int) -> Q:
    return Q(txid__gt=txid) | Q(txid=txid, id__gt=entry_id)


def seal(limit: int = BLOCK) -> AuditBlock | None:
    """Seal the next block of finished lines; None when there is nothing to seal or another sealer was first."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            oldest_running = cursor.fetchone()[0]
        last = AuditBlock.objects.order_by("-id").first()
        rows = AuditEntry.objects.filter(txid__lt=oldest_running)
        if last:
            rows = rows.filter(_after(last.last_txid, last.last_id))
        entries = list(rows.order_by("txid", "id")[:limit])
        if not entries:
            return None
        previous = last.hash if last else GENESIS
        try:
            with transaction.atomic():
                return AuditBlock.objects.create(
                    last_txid=entries[-1].txid,
                    last_id=entries[-1].id,
                    entries=len(entries),
                    hash=_hash(previous, entries),
                    previous_hash=previous,
                )
        except IntegrityError:
            return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier found. `broken_block` is the first block whose content does not give its hash."""

    ok: bool
    blocks: int
    entries: int
    unsealed: int
    broken_block: int | None = None
    problem: str = ""
    checked_at: Any = None


def verify() -> Verdict:
    """Recompute the whole chain from the lines. Reads in blocks; memory does not grow with the trail."""
    previous, at, total, count = GENESIS, (0, 0), 0, 0
    for block in AuditBlock.objects.order_by("id").iterator(chunk_size=200):
        count += 1
        upto = Q(txid__lt=block.last_txid) | Q(txid=block.last_txid, id__lte=block.last_id)
        entries = list(AuditEntry.objects.filter(_after(*at)).filter(upto).order_by("txid", "id"))
        if block.previous_hash != previous or len(entries) != block.entries or _hash(previous, entries) != block.hash:
            problem = f"{len(entries)} of {block.entries} lines found, or their content differs"
            return Verdict(False, count, total, 0, block.id, problem, now())
        previous, at, total = block.hash, (block.last_txid, block.last_id), total + len(entries)
    unsealed = AuditEntry.objects.filter(_after(*at)).count()
    return Verdict(True, count, total, unsealed, checked_at=now())


def seal_all() -> int:
    """Seal until nothing finished is left; returns the number of blocks."""
    return sum(1 for _ in _sealing())


def _sealing() -> Iterator[AuditBlock]:
    while block := seal():
        yield block
