"""Writing a strategy: its row, its line in the audit trail, its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel import audit, clock
from kernel.actors import Actor
from tenant_apps.trading.base_currency import Base, base_of_brokerage

from ..figures import figures
from ..models import Strategy, StrategyState, StrategyStats


def save(row: Strategy) -> None:
    row.updated_at = clock.now()
    row.save()


def note(
    act: str, row: Strategy, actor: Actor, *, reason: str = "", before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    audit.record(
        actor=actor, action=act, obj=row, subject=row.account.client_id, reason=reason,
        before=dict(before) if before else None, after=dict(after) if after else None,
    )  # fmt: skip


def stats_refresh(row: Strategy, base: Base | None = None) -> StrategyStats:
    """Made anew from deals and equity."""
    values = figures(row.account, shown_since=row.released_at, base=base or base_of_brokerage())
    return StrategyStats.objects.update_or_create(strategy=row, defaults=values, create_defaults=values)[0]


def end(row: Strategy, actor: Actor) -> None:
    """With its figures as they are now; they are not changed any more."""
    stats_refresh(row)
    row.state, row.ended_at, row.wanted = StrategyState.ENDED, clock.now(), None
    save(row)
    note("copying.ended", row, actor)
