"""Reads for the console's pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from kernel.models import InboxMessage, OutboxMessage
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef
from shared_apps.operators.models import BreakGlassEntry
from shared_apps.tenants.models import Domain, Tenant, TenantState

from .health import Health, healths

STATE_TONES = {
    TenantState.ACTIVE: "success",
    TenantState.READ_ONLY: "warning",
    TenantState.SUSPENDED: "danger",
    TenantState.OFFBOARDING: "warning",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A broker in the table."""

    tenant: Tenant
    health: Health
    portal: str

    @property
    def state_tone(self) -> str:
        return STATE_TONES.get(TenantState(self.tenant.state), "neutral")


SORTS: dict[str, Any] = {
    "name": lambda row: row.tenant.name.casefold(),
    "state": lambda row: row.tenant.state,
    "plan": lambda row: row.tenant.plan,
    "lag": lambda row: row.health.lag,
    "dead": lambda row: row.health.outbox_dead + row.health.inbox_dead,
    "commands": lambda row: (row.health.commands_unknown, row.health.commands_open),
    "live": lambda row: row.health.live_p95 or 0.0,
    "size": lambda row: row.health.bytes,
    "event": lambda row: row.health.last_event.timestamp() if row.health.last_event else 0.0,
    "created": lambda row: row.tenant.created_at,
}


def brokers(*, search: str = "", state: str = "", sort: str = "-created") -> list[Row]:
    """Brokerages with their health, filtered and in order."""
    tenants = Tenant.objects.exclude(state=TenantState.DELETED)
    if search:
        tenants = tenants.filter(
            Q(name__icontains=search) | Q(slug__icontains=search) | Q(domains__host__icontains=search)
        )
    if state:
        tenants = tenants.filter(state=state)
    found = list(tenants.distinct())
    health = healths(found)
    portals = _portals(found)
    rows = [Row(tenant, health[tenant.pk], portals.get(tenant.pk, "")) for tenant in found]
    key = SORTS.get(sort.removeprefix("-"), SORTS["created"])
    return sorted(rows, key=key, reverse=sort.startswith("-"))


def _portals(tenants: list[Tenant]) -> dict[Any, str]:
    rows = Domain.objects.filter(tenant__in=tenants, surface="portal", primary=True)
    return dict(rows.values_list("tenant_id", "host"))


def counts_by_state() -> dict[str, int]:
    rows = Tenant.objects.values("state").annotate(count=Count("id")).values_list("state", "count")
    return dict(rows)


def dead_letters(ref: TenantRef, limit: int = 50) -> dict[str, list[Any]]:
    """Of one brokerage: events no handler could take, and webhooks that could not be processed."""
    with context.use(ref):
        return {
            "outbox": list(OutboxMessage.objects.filter(dead_at__isnull=False).order_by("-id")[:limit]),
            "inbox": list(InboxMessage.objects.filter(dead_at__isnull=False).order_by("-received_at")[:limit]),
        }


def entries_of(tenant: Tenant, limit: int = 30) -> list[BreakGlassEntry]:
    return list(
        BreakGlassEntry.objects.filter(tenant=tenant).select_related("operator").order_by("-created_at")[:limit]
    )
