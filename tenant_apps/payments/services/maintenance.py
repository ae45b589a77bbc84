"""Times in which a provider or a method is not offered. What is open goes on; the trader just does not see the method."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound

from ..models import Maintenance, ProviderAccount
from ..permissions_list import PROVIDERS


def maintenance_begin(
    *,
    actor: Actor,
    account: ProviderAccount | None,
    method: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    words: str = "",
) -> Maintenance:
    """An account, one of its methods, or (without an account) a method everywhere. Times in UTC; from now, without an end
    where none are given. Raises Invalid."""
    actor.require(PROVIDERS)
    begin = starts_at or clock.now()
    if account is None and not method:
        raise Invalid(pgettext_lazy("payments error", "Choose a provider or a method."), field="method")
    if ends_at is not None and ends_at <= max(begin, clock.now()):
        raise Invalid(pgettext_lazy("payments error", "It has to end later than it begins."), field="ends_at")
    with transaction.atomic():
        row = Maintenance.objects.create(
            provider_account=account, method=method, starts_at=begin, ends_at=ends_at, words=words.strip()[:300],
            set_by=actor.label[:160],
        )  # fmt: skip
        audit.record(
            actor=actor, action="payments.maintenance_begun", obj=row, label=str(account or method), reason=row.words,
            after={
                "provider": str(account or ""), "method": method, "starts_at": begin.isoformat(),
                "ends_at": ends_at.isoformat() if ends_at else "",
            },
        )  # fmt: skip
    return row


def maintenance_end(*, actor: Actor, maintenance_id: UUID) -> None:
    """From now on it is offered again; one that has not begun never begins. Raises NotFound."""
    actor.require(PROVIDERS)
    with transaction.atomic():
        row = Maintenance.objects.select_for_update().filter(pk=maintenance_id).first()
        if row is None:
            raise NotFound
        now = clock.now()
        if row.ends_at is not None and row.ends_at <= now:
            return
        row.starts_at, row.ends_at = min(row.starts_at, now), now
        row.save(update_fields=["starts_at", "ends_at"])
        audit.record(actor=actor, action="payments.maintenance_ended", obj=row, label=row.words or row.method)


def maintenance_ahead(account: ProviderAccount | None = None) -> list[Maintenance]:
    """What goes on now or is to come, soonest first; of one account with what concerns it everywhere."""
    rows = Maintenance.objects.filter(Q(ends_at=None) | Q(ends_at__gt=clock.now())).select_related("provider_account")
    if account is not None:
        rows = rows.filter(Q(provider_account=account) | Q(provider_account=None))
    return list(rows.order_by("starts_at"))
