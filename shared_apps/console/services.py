"""What operators do to brokerages from the console. Each act stands in the vendor's and in the broker's audit trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit as broker_audit
from kernel import relay
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.models import InboxMessage, OutboxMessage
from kernel.tenancy import context, directory
from kernel.tenancy.context import TenantRef
from shared_apps.operators import audit
from shared_apps.tenants.models import Tenant, TenantState
from shared_apps.tenants.services import tenant_state_set

MIN_REASON = 10
SETTABLE = (TenantState.ACTIVE, TenantState.READ_ONLY, TenantState.SUSPENDED)


class ReasonMissing(Invalid):
    code = "reason_missing"
    message = pgettext_lazy("console", "Give a reason of at least ten letters.")


@transaction.atomic
def state_change(*, actor: Actor, tenant_id: UUID, to: str, reason: str) -> Tenant:
    """Suspend, resume or make read-only; every process obeys within a second. Raises ReasonMissing, StateRefused."""
    actor.require("console.tenants.state")
    if len(reason.strip()) < MIN_REASON:
        raise ReasonMissing(field="reason")
    if to not in SETTABLE:
        raise Invalid(field="to")
    ref = _ref(tenant_id)
    before = ref.state
    tenant = tenant_state_set(tenant_id=tenant_id, to=to)
    if before != to:
        change: dict[str, Any] = {"before": {"state": before}, "after": {"state": to}, "reason": reason.strip()}
        audit.record(actor=actor, action="tenant.state_changed", label=ref.name, tenant_id=ref.id, **change)
        with context.use(ref):
            broker_audit.record(actor=actor, action="tenant.state_changed", label=ref.name, **change)
    return tenant


@transaction.atomic
def dead_letter_replay(*, actor: Actor, tenant_id: UUID, message_id: UUID, kind: str) -> None:
    """Give a dead outbox message or webhook another life. Raises NotFound."""
    actor.require("console.tenants.state")
    ref = _ref(tenant_id)
    with context.use(ref):
        if kind == "outbox":
            message = OutboxMessage.objects.filter(message_id=message_id, dead_at__isnull=False).first()
            name = message.name if message else ""
            relay.replay(message_id)
        else:
            name = _inbox_again(message_id)
        if not name:
            raise NotFound
        broker_audit.record(actor=actor, action="dead_letter.replayed", label=name, after={"message": str(message_id)})
    audit.record(actor=actor, action="dead_letter.replayed", label=name, tenant_id=ref.id, object_id=message_id)


def _inbox_again(message_id: UUID) -> str:
    from kernel import clock

    rows = InboxMessage.objects.filter(pk=message_id, dead_at__isnull=False)
    source = rows.values_list("source", flat=True).first() or ""
    rows.update(dead_at=None, attempts=0, available_at=clock.now())
    return source


def _ref(tenant_id: UUID) -> TenantRef:
    ref = directory.by_id(tenant_id)
    if ref is None:
        raise NotFound
    return ref
