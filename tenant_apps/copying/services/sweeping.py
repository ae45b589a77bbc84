"""What no event tells: the figures of the hour, and the end of a strategy whose account was closed."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel.actors import named, system
from tenant_apps.trading.base_currency import Base, base_of_brokerage
from tenant_apps.trading.models import AccountState

from ..models import Strategy, StrategyState
from .rows import end, stats_refresh

COPYING = system(named("copying", pgettext_lazy("system actor", "Strategies")))
ALIVE = (StrategyState.WAITING, StrategyState.LISTED, StrategyState.SUSPENDED)


def sweep() -> int:
    """All that are not over, each in a transaction of its own; how many."""
    base = base_of_brokerage()
    alive = Strategy.objects.filter(state__in=ALIVE).order_by("pk")
    return sum(_swept(found, base) for found in list(alive.values_list("pk", flat=True)))


def _swept(strategy_id: UUID, base: Base) -> bool:
    with transaction.atomic():
        rows = Strategy.objects.select_for_update(of=("self",)).select_related("account__client")
        row = rows.filter(pk=strategy_id, state__in=ALIVE).first()
        if row is None:
            return False
        if row.account.state == AccountState.ARCHIVED:
            end(row, COPYING)
        else:
            stats_refresh(row, base)
    return True
