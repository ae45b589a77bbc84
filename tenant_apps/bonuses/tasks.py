"""What recurs: ends that no event tells, and the nightly proof."""

from __future__ import annotations

from django.db import transaction

from kernel.events import publish
from kernel.schedule import every_for_tenants

from .events import BonusNeedsAttention
from .services import proof, sweeping
from .services.grants import BONUSES


@every_for_tenants(60.0, "bonuses.sweep", queue="money")
def sweep() -> int:
    return sweeping.sweep()


@every_for_tenants(86_400.0, "bonuses.prove", queue="reports")
def prove() -> int:
    """Rows against each other, then credit against the servers; how much is wrong."""
    wrong = proof.broken()
    if wrong:
        with transaction.atomic():
            fact = BonusNeedsAttention(client_id=None, account_id=None, problem=",".join(sorted(wrong)))
            publish(fact, aggregate="bonuses", actor=BONUSES)
    return len(wrong) + proof.compare()
