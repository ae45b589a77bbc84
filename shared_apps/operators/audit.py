"""The vendor's audit trail: what operators did, in the transaction in which they did it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from kernel.actors import Actor
from kernel.logs import request_id
from kernel.tenancy import context

from .models import OperatorAuditEntry


def record(
    *,
    actor: Actor,
    action: str,
    label: str = "",
    tenant_id: UUID | None = None,
    object_type: str = "",
    object_id: object = "",
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> OperatorAuditEntry:
    """Write a line; never a secret in `before` or `after`."""
    with context.public():
        return OperatorAuditEntry.objects.create(
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_label=actor.label[:160],
            ip=actor.ip,
            user_agent=actor.user_agent[:300],
            request_id=request_id.get()[:40],
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            object_label=label[:200],
            tenant_id=tenant_id,
            reason=reason,
            before=before,
            after=after,
        )
