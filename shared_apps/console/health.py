"""How a brokerage is doing: delivery, commands, webhooks, live pages, size, version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import redis
from django.core.cache import cache as store
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from kernel import clock
from kernel.live.asgi import LATENCY_KEY
from kernel.logs import log
from kernel.redis import client
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef

KEPT_SECONDS = 5
LAG_WARNING, LAG_DANGER = 15.0, 120.0

# The lag is `relay.lag_seconds`, here in one round trip with the rest: from when a message could first be delivered.
_QUEUES = """
SELECT (SELECT extract(epoch FROM %(now)s - min(CASE WHEN attempts = 0 THEN available_at ELSE created_at END))
          FROM kernel_outbox
         WHERE delivered_at IS NULL AND dead_at IS NULL AND available_at <= %(now)s),
       (SELECT count(*) FROM kernel_outbox WHERE dead_at IS NOT NULL),
       (SELECT count(*) FROM kernel_command WHERE state IN ('pending', 'sending')),
       (SELECT count(*) FROM kernel_command WHERE state = 'unknown'),
       (SELECT count(*) FROM kernel_inbox WHERE dead_at IS NOT NULL),
       (SELECT max(created_at) FROM kernel_outbox),
       (SELECT array_agg(app || '.' || name) FROM django_migrations)
"""


@dataclass(frozen=True, slots=True)
class Health:
    """Seconds, counts, milliseconds and bytes. `reachable` is False when the schema could not be read at all."""

    reachable: bool = True
    lag: float = 0.0
    outbox_dead: int = 0
    commands_open: int = 0
    commands_unknown: int = 0
    inbox_dead: int = 0
    last_event: datetime | None = None
    live_p50: float | None = None
    live_p95: float | None = None
    bytes: int = 0
    current: bool = True

    @property
    def tone(self) -> str:
        """The worst of its figures: success, warning or danger."""
        if not self.reachable or self.outbox_dead or self.inbox_dead or self.lag > LAG_DANGER:
            return "danger"
        if self.commands_unknown or self.lag > LAG_WARNING or not self.current:
            return "warning"
        return "success"


def healths(tenants: Iterable[Any]) -> dict[UUID, Health]:
    """Of several brokerages (rows of the register), each read in its own scope."""
    rows = list(tenants)
    latency, sizes = _latency(), _sizes([row.schema for row in rows])
    return {row.pk: _health(row, latency.get(str(row.pk), {}), sizes.get(row.schema, 0)) for row in rows}


def _health(row: Any, live: dict[str, Any], size: int) -> Health:
    if row.state in {"requested", "provisioning", "deleted"}:
        return Health(bytes=size)
    queues = _queues(row.ref())
    if queues is None:
        return Health(reachable=False, bytes=size)
    lag, outbox_dead, commands_open, unknown, inbox_dead, last_event, migrations = queues
    return Health(
        lag=float(lag or 0.0),
        outbox_dead=outbox_dead,
        commands_open=commands_open,
        commands_unknown=unknown,
        inbox_dead=inbox_dead,
        last_event=last_event,
        live_p50=live.get("p50"),
        live_p95=live.get("p95"),
        bytes=size,
        current=_release() <= set(migrations or ()),
    )


def _queues(ref: TenantRef) -> tuple[Any, ...] | None:
    key = f"console:health:{ref.id}"
    if (known := store.get(key)) is not None:
        return tuple(known)
    try:
        with context.use(ref), connection.cursor() as cursor:
            cursor.execute(_QUEUES, {"now": clock.now()})
            found = cursor.fetchone()
    except DatabaseError:
        log.exception("console_health_unreadable", tenant=str(ref.id))
        return None
    store.set(key, found, KEPT_SECONDS)
    return tuple(found)


def _latency() -> dict[str, dict[str, Any]]:
    """What the browsers of each brokerage reported last (milliseconds from event to page)."""
    try:
        return {str(key): json.loads(value) for key, value in client().hgetall(LATENCY_KEY).items()}
    except (redis.RedisError, ValueError):
        return {}


def _sizes(names: list[str]) -> dict[str, int]:
    """Bytes of tables with indexes, by schema."""
    with context.public(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'm') AND n.nspname = ANY(%s) GROUP BY 1",
            [names],
        )
        return dict(cursor.fetchall())


@cache
def _release() -> frozenset[str]:
    """The migrations of the running code: a schema that lacks one of them is behind."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(f"{app}.{name}" for app, name in loader.disk_migrations)
