"""Figures of a strategy: right where they are known, and none where they are not."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from tenant_apps.copying.figures import BELOW, MIN_DAYS, SHARPE_DAYS, figures, sharpe
from tenant_apps.copying.models import Strategy
from tenant_apps.copying.pages import curve, years
from tenant_apps.trading.base_currency import Base, base_of_brokerage
from tenant_apps.trading.models import EquityPoint
from tenant_apps.trading.performance import Gap, Point
from tenant_apps.trading.selectors import FEW
from tenant_apps.trading.tests.test_pages import Desk

from .conftest import deal, noon, record, trades

RISING = [round(100_000 * 1.001**day * (1 + 0.002 * (day % 2))) for day in range(401)]


def reckoned(desk: Desk, **values: object) -> dict[str, object]:
    return figures(desk.account, shown_since=None, base=base_of_brokerage(), **values)  # type: ignore[arg-type]


def test_periods_are_of_the_days_they_name(desk: Desk) -> None:
    record(desk.account, RISING)
    trades(desk.account, 40, 20)
    found = reckoned(desk)
    for name, days in (("growth_month", 30), ("growth_quarter", 91), ("growth_year", 365)):
        begin = next(
            number for number in range(days - 2, days + 2) if noon(number) <= clock.now() - timedelta(days=days)
        )
        before = RISING[400 - begin]
        assert found[name] == pytest.approx(Decimal(RISING[-1]) / before - 1, abs=Decimal("1e-6"))
    assert found["growth"] == pytest.approx(Decimal(RISING[-1]) / RISING[0] - 1, abs=Decimal("1e-6"))
    assert (found["trades"], found["win_rate"]) == (60, pytest.approx(Decimal(40) / 60, abs=Decimal("1e-6")))
    assert found["profit_factor"] == Decimal("6.00")
    assert found["judged"]


def test_a_period_before_the_record_has_no_figure(desk: Desk) -> None:
    record(desk.account, RISING[:61])
    found = reckoned(desk)
    assert found["growth_month"] is not None
    assert (found["growth_quarter"], found["growth_year"]) == (None, None)
    assert found["growth"] is not None


def test_without_a_record_nothing_is_said(desk: Desk) -> None:
    found = reckoned(desk)
    assert {found.get(name) for name in ("growth", "drawdown", "sharpe", "worst_day", "since")} == {None}
    assert (found["judged"], found["standing"], found["copiers"]) == (False, BELOW, None)


def test_a_payment_in_a_long_silence_that_was_traded_in_is_not_known(desk: Desk) -> None:
    record(desk.account, [100_000, 101_000], ends=60)
    record(desk.account, [260_000] * 41)
    deal(desk.account, noon(50), 150_000, kind="balance").save()
    found = reckoned(desk)
    assert {found.get(name) for name in ("growth", "drawdown", "sharpe", "worst_day", "growth_quarter")} == {None}
    assert "curve" not in found
    assert found["growth_month"] == 0


def test_a_payment_into_a_still_account_is_known(desk: Desk) -> None:
    record(desk.account, [100_000, 110_000], ends=60)
    record(desk.account, [260_000, 130_000], ends=0)
    deal(desk.account, noon(30), 150_000, kind="balance").save()
    found = reckoned(desk)
    assert found["growth"] == Decimal("-0.45")
    assert found["drawdown"] == Decimal("0.5")
    assert found["worst_day"] is not None


def test_a_silence_of_hours_is_no_silence() -> None:
    at = clock.now()
    long, short = timedelta(days=2), timedelta(hours=20)
    assert Gap(Point(at, 100), Point(at + long, 260), inflow=150).unknown
    assert not Gap(Point(at, 100), Point(at + long, 250), inflow=150).unknown
    assert not Gap(Point(at, 100), Point(at + short, 260), inflow=150).unknown


def test_the_sharpe_ratio_is_that_of_the_days(desk: Desk) -> None:
    days = [0.01, -0.005, 0.002, 0.004] * 10
    expected = statistics.fmean(days) / statistics.stdev(days) * math.sqrt(252)
    assert sharpe(days) == pytest.approx(Decimal(expected), abs=Decimal("0.005"))
    assert sharpe(days[: SHARPE_DAYS - 1]) is None
    assert sharpe([0.01] * 50) is None


def test_weekends_are_no_days_of_their_own(desk: Desk) -> None:
    """Equity falls on Saturday by a tenth: Monday's return, and the worst day."""
    saturday = next(days for days in range(8, 15) if noon(days).weekday() == 5)
    record(desk.account, [100_000] * (30 - saturday) + [90_000] * (saturday + 1))
    assert reckoned(desk)["worst_day"] == Decimal("-0.1")


def test_months_multiply_to_the_whole(desk: Desk) -> None:
    record(desk.account, RISING)
    found = reckoned(desk)
    whole = math.prod(1 + growth for _, growth in found["months"]) - 1  # type: ignore[attr-defined]
    assert whole == pytest.approx(float(found["growth"]), abs=1e-4)  # type: ignore[arg-type]
    assert len(found["months"]) in (14, 15)  # type: ignore[arg-type]
    assert found["curve"][0][1] == 0  # type: ignore[index]


@pytest.mark.parametrize(("days", "count"), [(MIN_DAYS - 2, FEW), (MIN_DAYS, FEW - 1)])
def test_few_are_not_judged(desk: Desk, days: int, count: int) -> None:
    record(desk.account, RISING[: days + 1])
    trades(desk.account, count, 0)
    found = reckoned(desk)
    assert (found["judged"], found["standing"] < 0) == (False, True)  # type: ignore[operator]
    assert found["growth"] is not None


def test_a_worn_out_account_has_figures(desk: Desk) -> None:
    record(desk.account, [100_000, 0, 0, 0])
    found = reckoned(desk)
    assert (found["growth"], found["drawdown"]) == (Decimal(-1), Decimal(1))


def test_capital_is_in_the_base_currency(desk: Desk) -> None:
    desk.account.equity_minor = 200_000
    found = figures(desk.account, shown_since=None, base=Base("USD", {"EUR": Decimal("1.25")}))
    assert (found["capital_minor"], found["capital_currency"]) == (250_000, "USD")
    assert figures(desk.account, shown_since=None, base=Base("USD", {}))["capital_minor"] is None


def test_what_was_before_it_was_shown_is_told_apart(desk: Desk) -> None:
    record(desk.account, [100_000] * 10 + [200_000] * 10 + [150_000] * 10)
    found = figures(desk.account, shown_since=noon(15), base=base_of_brokerage())
    assert (found["growth"], found["growth_shown"]) == (Decimal("0.5"), Decimal("-0.25"))


def test_queries_do_not_grow_with_the_record(desk: Desk) -> None:
    base = base_of_brokerage()
    record(desk.account, RISING)
    for number in range(5):
        deal(desk.account, noon(100 + number) + timedelta(hours=1), 1_000, kind="balance").save()
    with CaptureQueriesContext(connection) as seen:
        figures(desk.account, shown_since=noon(50), base=base)
    assert len(seen) <= 7


def test_the_page_draws_what_is_kept(strategy: Callable[..., Strategy]) -> None:
    row = strategy("Calm", RISING)
    chart = curve(row.stats)
    assert chart is not None
    assert (chart.unit, chart.currency, chart.series[0].values[0]) == ("%", "", 0)
    whole = math.prod(1 + year.whole for year in years(row.stats)) - 1
    assert float(whole) == pytest.approx(float(row.stats.growth or 0), abs=1e-4)
    assert EquityPoint.objects.count() == len(RISING)
