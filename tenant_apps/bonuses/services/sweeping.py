"""What no event tells: own money lost, time over, accounts closed, releases that waited. Each step safe to repeat."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import F, Q

from kernel import clock
from tenant_apps.trading.models import AccountState

from ..models import Ending, Grant, GrantState
from . import burning, own, release
from .grants import BONUSES

MOST = 500
PATIENCE = timedelta(hours=1)


def sweep() -> int:
    """One round; how many bonuses were released or ended. What was lost goes before anything is paid out; what was
    earned is paid out before its time or its account is over."""
    done = _end(_low_equity(), Ending.LOW_EQUITY)
    trading = _trading()
    done += sum(release.release_due(account_ids=trading[at : at + MOST]) for at in range(0, len(trading), MOST))
    return done + _end(_over(), Ending.TIME) + _end(_closed(), Ending.ACCOUNT) + _ask_again()


def _ask_again() -> int:
    """Credit that the server would not give back, an hour after its last answer; how many."""
    rows = list(burning.stuck_since(clock.now() - PATIENCE).order_by("updated_at").values_list("pk", flat=True)[:MOST])
    for grant_id in rows:
        burning.ask_again(grant_id=grant_id, actor=BONUSES)
    return len(rows)


def _end(rows: list[UUID], ending: Ending) -> int:
    for grant_id in rows[:MOST]:
        burning.grant_end(grant_id=grant_id, ending=ending, actor=BONUSES)
    return len(rows[:MOST])


def _trading() -> list[UUID]:
    """Accounts with an active bonus that traded since it was given: all of them, so that none waits behind others."""
    active = Grant.objects.filter(state=GrantState.ACTIVE, account__last_deal_at__gte=F("active_at"))
    return list(active.order_by("account_id").values_list("account_id", flat=True).distinct())


def _low_equity() -> list[UUID]:
    return list(own.low_equity().order_by("pk").values_list("pk", flat=True)[:MOST])


def _over() -> list[UUID]:
    now = clock.now()
    offered = Q(state=GrantState.OFFERED, offered_until__lte=now)
    active = Q(state=GrantState.ACTIVE, expires_at__lte=now)
    return list(Grant.objects.filter(offered | active).values_list("pk", flat=True))


def _closed() -> list[UUID]:
    standing = Grant.objects.filter(state__in=[GrantState.OFFERED, GrantState.ACTIVE])
    return list(standing.exclude(account__state=AccountState.OPEN).values_list("pk", flat=True))
