"""What no event tells: own money lost, time over, accounts closed, releases that waited. Each step safe to repeat."""

from __future__ import annotations

from uuid import UUID

from django.db.models import DecimalField, ExpressionWrapper, F, Max, Q

from kernel import clock
from tenant_apps.trading.models import AccountState

from ..models import Ending, Grant, GrantState, MoveState
from . import burning, release
from .grants import BONUSES

MOST = 500


def sweep() -> int:
    """One round; how many bonuses were released or ended."""
    done = sum(release.release_due(account_id=account_id) for account_id in _trading())
    for rows, ending in (
        (_low_equity(), Ending.LOW_EQUITY),
        (_over(), Ending.TIME),
        (_closed(), Ending.ACCOUNT),
    ):
        for grant_id in rows[:MOST]:
            burning.grant_end(grant_id=grant_id, ending=ending, actor=BONUSES)
            done += 1
    return done


def _trading() -> list[UUID]:
    """Accounts with an active bonus that traded since it was given."""
    active = Grant.objects.filter(state=GrantState.ACTIVE, account__last_deal_at__gte=F("active_at"))
    return list(active.values_list("account_id", flat=True).distinct()[:MOST])


def _low_equity() -> list[UUID]:
    """Active bonuses of accounts whose equity, as the server told it after the last movement of credit, is down to the
    credit on the account times the factor: what is left there is the broker's money."""
    active = Grant.objects.filter(state=GrantState.ACTIVE, account__seen_at__isnull=False)
    limit = ExpressionWrapper(
        F("account__credit_minor") * F("version__equity_factor"),
        output_field=DecimalField(max_digits=30, decimal_places=2),
    )
    low = active.annotate(limit=limit, moved_at=Max("moves__finished_at", filter=Q(moves__state=MoveState.DONE)))
    low = low.filter(account__credit_minor__gt=0, account__equity_minor__lte=F("limit"))
    return list(low.filter(account__seen_at__gt=F("moved_at")).values_list("pk", flat=True))


def _over() -> list[UUID]:
    now = clock.now()
    offered = Q(state=GrantState.OFFERED, offered_until__lte=now)
    active = Q(state=GrantState.ACTIVE, expires_at__lte=now)
    return list(Grant.objects.filter(offered | active).values_list("pk", flat=True))


def _closed() -> list[UUID]:
    standing = Grant.objects.filter(state__in=[GrantState.OFFERED, GrantState.ACTIVE])
    return list(standing.exclude(account__state=AccountState.OPEN).values_list("pk", flat=True))
