"""What no event tells: own money lost, time over, accounts closed, releases that waited. Each step safe to repeat."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from kernel import clock
from kernel.logs import log
from tenant_apps.trading.models import AccountState

from ..models import Ending, Grant, GrantState
from . import burning, own, release, waiting
from .grants import BONUSES
from .moves import held
from .traded import progress

MOST = 500
PATIENCE = timedelta(hours=1)


def sweep() -> int:
    """One round; how many bonuses were released or ended. What was lost goes before anything is paid out; what was
    earned is paid out before its time or its account is over, and stays where it cannot be paid out yet."""
    done = _end(_low_equity(), Ending.LOW_EQUITY)
    done += waiting.judge_waiting()
    trading = _trading()
    done += sum(release.release_due(account_ids=trading[at : at + MOST]) for at in range(0, len(trading), MOST))
    done += _end_unless_earned(_over(), Ending.TIME) + _end_unless_earned(_closed(), Ending.ACCOUNT)
    return done + _ask_again()


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


def _end_unless_earned(rows: QuerySet[Grant], ending: Ending) -> int:
    """As `_end`; what stays takes nobody's place in the batch, and no lock: it is looked at in every round."""
    found = list(rows.select_related("version", "account"))
    done, lots = 0, progress(found)
    for row in found:
        if release.earned(row, lots[row.pk]):
            log.info("earned_bonus_waits", grant=str(row.pk))
            continue
        done += _ended_unless_earned(row.pk, ending)
        if done == MOST:
            break
    return done


def _ended_unless_earned(grant_id: UUID, ending: Ending) -> bool:
    with transaction.atomic():
        grant = held(grant_id)
        if release.earned(grant, progress([grant])[grant.pk]):
            return False
        burning.grant_end(grant_id=grant_id, ending=ending, actor=BONUSES)
    return True


def _trading() -> list[UUID]:
    """Accounts with an active bonus that traded since it was given: all of them, so that none waits behind others."""
    active = Grant.objects.filter(state=GrantState.ACTIVE, account__last_deal_at__gte=F("active_at"))
    return list(active.order_by("account_id").values_list("account_id", flat=True).distinct())


def _low_equity() -> list[UUID]:
    return list(own.low_equity().order_by("pk").values_list("pk", flat=True)[:MOST])


def _over() -> QuerySet[Grant]:
    now = clock.now()
    offered = Q(state=GrantState.OFFERED, offered_until__lte=now)
    active = Q(state=GrantState.ACTIVE, expires_at__lte=now)
    return Grant.objects.filter(offered | active)


def _closed() -> QuerySet[Grant]:
    standing = Grant.objects.filter(state__in=[GrantState.OFFERED, GrantState.ACTIVE])
    return standing.exclude(account__state=AccountState.OPEN)
