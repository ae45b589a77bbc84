"""Accounts with a record, and strategies in any state."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel import clock
from kernel.actors import Actor
from tenant_apps.copying.models import Strategy, StrategyState
from tenant_apps.copying.services.rows import stats_refresh
from tenant_apps.copying.services.strategies import Terms
from tenant_apps.trading.models import Deal, EquityPoint, TradingAccount
from tenant_apps.trading.tests.test_pages import Desk, desk

__all__ = ["desk"]
TERMS = Terms(name="Calm trend", description="Majors, a few trades a week.", performance_fee=Decimal(20))
deals = itertools.count(1)


def noon(days_ago: int) -> datetime:
    """Of yesterday for 0: never to come yet, whenever tests run."""
    return datetime.combine(clock.today() - timedelta(days=days_ago + 1), time(12), UTC)


def record(account: TradingAccount, equities: Sequence[int], *, ends: int = 0) -> None:
    """One point a day at noon, the last `ends` days ago."""
    first = ends + len(equities) - 1
    EquityPoint.objects.bulk_create(
        EquityPoint(account=account, at=noon(first - number), balance_minor=equity, equity_minor=equity)
        for number, equity in enumerate(equities)
    )


def deal(account: TradingAccount, at: datetime, minor: int, **values: Any) -> Deal:
    what = {"kind": "sell", "entry": "out", "symbol": "EURUSD", "lots": Decimal(1)} | values
    one = dict.fromkeys(("price", "position_price", "contract_size", "closed_lots"), Decimal(1))
    return Deal(
        server=account.server, deal=next(deals), account=account, login=account.login or 0, order=0, position=0,
        reason="client", profit_minor=minor, swap_minor=0, commission_minor=0, result_minor=minor,
        currency=account.currency, digits=2, executed_at=at, stored_at=at, **one, **what,
    )  # fmt: skip


def trades(account: TradingAccount, wins: int, losses: int) -> None:
    """Near the record's end, a win of 300 and a loss of 100 each."""
    minors = [300] * wins + [-100] * losses
    Deal.objects.bulk_create(deal(account, noon(1), minor) for minor in minors)


def client_actor(desk: Desk) -> Actor:
    return Actor(kind="client", id=str(desk.user.pk), label="Greta Lind", client_id=desk.client.pk)


@pytest.fixture
def strategy(desk: Desk) -> Callable[..., Strategy]:
    """`strategy("Name", record=[…], trades=(wins, losses))`: another client's strategy, on the board unless said."""
    numbers = itertools.count(700)

    def make(
        name: str, equities: Sequence[int] = (100_000, 110_000), counts: tuple[int, int] = (40, 20), **values: Any
    ) -> Strategy:
        number = next(numbers)
        owner = desk.person(f"c{number}@example.com", number=number)
        type(owner).objects.filter(pk=owner.pk).update(**values.pop("client", {"language": "en"}))
        account = desk.account_of(owner, number)
        record(account, equities)
        trades(account, *counts)
        row = Strategy.objects.create(
            account=account, name=name, description=f"About {name}", consented_at=clock.now(),
            **{"state": StrategyState.LISTED, "released_at": noon(0), **values},
        )  # fmt: skip
        stats_refresh(row)
        return row

    return make
