"""A client's deposits and withdrawals as one history. Callers have checked that the actor may see the client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from kernel.ids import parse_uuid
from kernel.money import Money

from .models import Deposit, Withdrawal

KINDS = ("deposit", "withdrawal")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Where a page of a history ends: ids are unique over both kinds and grow with time."""

    at: datetime
    pk: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.pk}"

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """None for what is no mark: the history then begins anew."""
        at, _, pk = text.partition("_")
        try:
            moment, found = datetime.fromisoformat(at), parse_uuid(pk)
        except ValueError:
            return None
        return cls(moment, found) if found and moment.tzinfo else None


@dataclass(frozen=True, slots=True)
class Movement:
    """A deposit or a withdrawal as one line of a history."""

    kind: str  # "deposit" or "withdrawal"
    row: Any

    @property
    def at(self) -> datetime:
        return self.row.created_at

    @property
    def mark(self) -> Mark:
        return Mark(self.row.created_at, self.row.pk)

    @property
    def signed(self) -> Money:
        return self.row.credited_amount if self.kind == "deposit" else -self.row.amount


def movements(client_id: UUID, *, limit: int = 50, before: Mark | None = None, kind: str = "") -> list[Movement]:
    """A client's payments, newest first, or those behind `before` (keyset paging); of one kind, or all. A query per kind."""
    found = [
        Movement(name, row)
        for name, model in (("deposit", Deposit), ("withdrawal", Withdrawal))
        if kind in ("", name)
        for row in _behind(model.objects.filter(client_id=client_id), before)[:limit]
    ]
    return sorted(found, key=lambda movement: movement.mark, reverse=True)[:limit]


def _behind(rows: QuerySet[Any], before: Mark | None) -> QuerySet[Any]:
    if before is not None:
        rows = rows.filter(Q(created_at__lt=before.at) | Q(created_at=before.at, pk__lt=before.pk))
    return rows.order_by("-created_at", "-id")


def all_movements(client_id: UUID, *, kind: str = "", chunk: int = 500) -> Iterator[Movement]:
    """Every one of them, newest first, read in chunks."""
    before: Mark | None = None
    while found := movements(client_id, limit=chunk, before=before, kind=kind):
        yield from found
        before = found[-1].mark
