"""An operator's way into a brokerage: asked for in the console, entered in the office, seen by the broker.

The ticket is shown once, kept as a hash, good for a minute, for one brokerage, from one address, for one use. Entering and
leaving each write a line into the brokerage's own audit trail and into the vendor's.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from kernel import audit as broker_audit
from kernel import clock, sessions
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.tenancy import context, directory

from . import audit
from .errors import ReasonTooShort, TicketUnusable
from .models import BreakGlassEntry, Operator

TICKET_AGE = timedelta(seconds=60)
MAX_MINUTES = 60
MIN_REASON = 15


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the console hands over: the secret, and where to post it."""

    secret: str
    address: str
    entry: BreakGlassEntry


@transaction.atomic
def entry_request(*, actor: Actor, tenant_id: UUID, reason: str, minutes: int, write: bool) -> Ticket:
    """Ask for entry. Raises ReasonTooShort; Invalid for a duration outside 1 to 60 minutes; Forbidden without the right."""
    actor.require("console.enter.write" if write else "console.enter")
    if len(reason.strip()) < MIN_REASON:
        raise ReasonTooShort(field="reason")
    if not 1 <= minutes <= MAX_MINUTES:
        raise Invalid(field="minutes")
    secret = random.token_urlsafe(32)
    ref = directory.by_id(tenant_id)
    if ref is None:
        raise Invalid(field="tenant")
    with context.public():
        entry = BreakGlassEntry.objects.create(
            tenant_id=tenant_id,
            operator=Operator.objects.get(pk=actor.id),
            reason=reason.strip()[:300],
            write=write,
            ip=actor.ip,
            ticket_hash=_hash(secret),
            ticket_until=clock.now() + TICKET_AGE,
            until=clock.now() + timedelta(minutes=minutes),
        )
        audit.record(
            actor=actor,
            action="break_glass.requested",
            label=ref.name,
            tenant_id=tenant_id,
            reason=entry.reason,
            after={"minutes": minutes, "write": write},
        )
    return Ticket(secret, directory.absolute_url(ref, "office", "/break-glass/"), entry)


@transaction.atomic
def entry_use(*, secret: str, ip: str | None) -> dict[str, Any]:
    """Trade a ticket for the session's `break_glass` (tenant_apps.accounts.actors). Raises TicketUnusable."""
    tenant = context.tenant()
    with context.public():
        entry = BreakGlassEntry.objects.select_related("operator").filter(ticket_hash=_hash(secret)).first()
        if entry is None or entry.tenant_id != tenant.id or entry.ip != ip or not entry.operator.active:
            raise TicketUnusable
        fresh = BreakGlassEntry.objects.filter(pk=entry.pk, used_at=None, ended_at=None, ticket_until__gte=clock.now())
        if not fresh.update(used_at=clock.now()):
            raise TicketUnusable
    actor = _inside(entry, ip)
    broker_audit.record(
        actor=actor,
        action="break_glass.entered",
        label=tenant.name,
        reason=entry.reason,
        after={"until": entry.until.isoformat(timespec="seconds"), "write": entry.write},
    )
    audit.record(actor=actor, action="break_glass.entered", label=tenant.name, tenant_id=tenant.id, reason=entry.reason)
    return {
        "operator_id": str(entry.operator_id),
        "operator": entry.operator.name,
        "until": entry.until.timestamp(),
        "write": entry.write,
        "reason": entry.reason,
        "entry_id": str(entry.pk),
    }


@transaction.atomic
def entry_end(*, entry_id: UUID | str, by: str = "operator") -> bool:
    """Close an entry, once; `by`: operator, console or time. Returns whether it was open."""
    with context.public():
        entry = BreakGlassEntry.objects.select_related("operator").filter(pk=entry_id).first()
        if entry is None:
            return False
        if not BreakGlassEntry.objects.filter(pk=entry.pk, ended_at=None).update(ended_at=clock.now()):
            return False
    ref = directory.by_id(entry.tenant_id)
    actor = _inside(entry, entry.ip)
    if ref and entry.used_at:
        with context.use(ref):
            sessions.end_all(entry.pk)
            broker_audit.record(
                actor=actor, action="break_glass.left", label=ref.name, reason=entry.reason, after={"by": by}
            )
    audit.record(actor=actor, action="break_glass.left", tenant_id=entry.tenant_id, label=ref.name if ref else "")
    return True


def is_open(entry_id: str) -> bool:
    """Whether an entry still counts: not ended from elsewhere, not past its end, its operator still active."""
    with context.public():
        return BreakGlassEntry.objects.filter(
            pk=entry_id, ended_at=None, until__gt=clock.now(), operator__active=True
        ).exists()


def end_overdue() -> int:
    """Close entries whose time is over, so that the broker's trail says so even if the operator just left."""
    with context.public():
        overdue = BreakGlassEntry.objects.filter(used_at__isnull=False, ended_at=None, until__lte=clock.now())
        ids = list(overdue.values_list("pk", flat=True))
    return sum(entry_end(entry_id=entry_id, by="time") for entry_id in ids)


def _inside(entry: BreakGlassEntry, ip: str | None) -> Actor:
    return Actor(
        kind="operator",
        id=str(entry.operator_id),
        label=f"{entry.operator.name} (Rialto)",
        on_behalf_of=entry.reason,
        ip=ip,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
