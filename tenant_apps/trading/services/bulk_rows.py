"""What planning and carrying out a bulk change share: its row held and kept, and what stands against one account."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from kernel import clock
from kernel.errors import NotFound
from kernel.live.publish import publish
from tenant_apps.trading.models import BulkChange, BulkState, BulkWhat, Obstacle
from tenant_apps.trading.obstacles import Facts, Judge

DAY = timedelta(days=1)


def value_of(what: str, facts: Facts) -> str:
    """What the account has now, as rows keep it."""
    return str(facts.leverage if what == BulkWhat.LEVERAGE else facts.type_id)


def against(
    what: str, judge: Judge, facts: Facts, after: str, *, expected: str | None = None, busy: bool = False
) -> Obstacle | None:
    """Why this account is left as it is; None for nothing. Preview and run ask here."""
    stands = judge.leverage(facts, int(after)) if what == BulkWhat.LEVERAGE else judge.account_type(facts, UUID(after))
    if stands == Obstacle.NOT_OPEN:
        return stands
    if busy:
        return Obstacle.CHANGING
    has = value_of(what, facts)
    if has == after:
        return Obstacle.SAME
    return Obstacle.CHANGED_SINCE if expected is not None and has != expected else stands


def dropped(change: BulkChange) -> None:
    change.rows.all()._raw_delete(change.rows.db)  # nothing refers to rows of a plan
    change.state, change.finished_at = BulkState.DROPPED, clock.now()
    save(change)


def locked(bulk_id: UUID) -> BulkChange:
    rows = BulkChange.objects.select_for_update(of=("self",)).select_related("account_type", "origin")
    found = rows.filter(pk=bulk_id).first()
    if found is None:
        raise NotFound
    return found


def save(change: BulkChange) -> None:
    change.updated_at = clock.now()
    change.save()
    publish(change.topic)
