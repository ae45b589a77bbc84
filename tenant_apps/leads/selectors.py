"""Reads of sales work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from kernel.actors import Actor
from tenant_apps.accounts.selectors import staff_names
from tenant_apps.clients.models import Client
from tenant_apps.clients.queue import Queue
from tenant_apps.clients.selectors import bounded_count, clients_visible, show

from .models import LeadRule, PipelineStatus, SavedView
from .permissions_list import RULES

COLUMN_CARDS = 30


def statuses(*, active_only: bool = True) -> list[PipelineStatus]:
    rows = PipelineStatus.objects.order_by("position", "code")
    return list(rows.filter(active=True) if active_only else rows)


def queue_rows(actor: Actor, queue: Queue, base: Q | None = None) -> QuerySet[Client]:
    """The clients of a queue within the actor's reach."""
    rows = clients_visible(actor)
    if base is not None:
        rows = rows.filter(base)
    return queue.apply(rows, me=actor.id, masks=actor.masks)


def dressed(actor: Actor, clients: Iterable[Client], known: list[PipelineStatus] | None = None) -> list[Client]:
    """Rows as pages show them: masked contacts, `owner_name`, `status_row`. One query for names, one for statuses."""
    rows = show(actor, clients)
    names = staff_names(row.owner_id for row in rows)
    by_code = {status.code: status for status in (known if known is not None else statuses(active_only=False))}
    for row in rows:
        extra: Any = row
        extra.owner_name = names.get(row.owner_id, "") if row.owner_id else ""
        extra.status_row = by_code.get(row.status)
    return rows


def board(actor: Actor, queue: Queue, base: Q) -> list[dict[str, Any]]:
    """Columns of the kanban board: the newest cards of each status and how many there are, up to a bound."""
    rows = queue_rows(actor, queue, base)
    columns = []
    known = statuses()
    for status in known:
        mine = rows.filter(status=status.code)
        cards = dressed(actor, queue.ordered(mine)[:COLUMN_CARDS], known)
        columns.append({"status": status, "cards": cards, "count": bounded_count(mine)})
    return columns


def view_removable(row: SavedView, actor: Actor, managing: str) -> bool:
    return actor.kind == "staff" and (str(row.user_id) == actor.id or (row.shared and actor.may(managing)))


def views_of(actor: Actor, page: str, *, managing: str = RULES) -> list[SavedView]:
    """One's own saved views and those shared; `removable` says which of them one may delete."""
    mine = Q(shared=True)
    if actor.kind == "staff":
        mine |= Q(user_id=actor.id)
    rows = list(SavedView.objects.filter(mine, page=page).order_by("name"))
    for row in rows:
        row.removable = view_removable(row, actor, managing)  # type: ignore[attr-defined]
    return rows


def rules() -> list[LeadRule]:
    return list(LeadRule.objects.prefetch_related("agents").order_by("position", "created_at"))


def rule_people(found: Iterable[LeadRule]) -> dict[UUID, str]:
    return staff_names(share.user_id for rule in found for share in rule.agents.all())
