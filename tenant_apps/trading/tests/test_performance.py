"""Return and drawdown of an account: of trading alone, whatever was paid in and out, and whenever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import assume, given
from hypothesis import strategies as st

from kernel import clock
from tenant_apps.trading.models import Deal, EquityPoint, TradingAccount
from tenant_apps.trading.performance import Flow, Gap, Point, gaps, performance, place, stretches
from tenant_apps.trading.selectors import FEW, statistics
from tenant_apps.trading.tests.test_pages import Desk, desk

__all__ = ["desk"]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
GROWTHS = st.floats(0.5, 1.6)
PAID = st.one_of(st.just(0), st.integers(1_000_000, 900_000_000), st.floats(-0.9, -0.01))


def record(steps: list[tuple[float, float]], capital: int = 100_000_000) -> tuple[list[Point], list[Flow]]:
    """A curve that grows by each step's factor, with money in (an amount) or out (a share) half a minute later."""
    points, flows, equity, at = [Point(START, capital)], [], capital, START
    for growth, paid in steps:
        at += timedelta(minutes=1)
        equity = round(equity * growth)
        points.append(Point(at, equity))
        moved = round(equity * paid) if paid < 0 else int(paid)
        if moved:
            flows.append(Flow(at + timedelta(seconds=30), moved))
            equity += moved
            points.append(Point(at + timedelta(minutes=1), equity))
            at += timedelta(minutes=1)
    return points, flows


def around(points: list[Point], flow: Flow) -> list[Point]:
    before, after = [row for row in points if row.at <= flow.at], [row for row in points if row.at > flow.at]
    return [*before[-2:], *after[:2]]


def grown(points: list[Point], flows: list[Flow]) -> list[float]:
    """The index at every point."""
    parts = stretches(points[0], gaps(flows, [around(points, flow) for flow in flows]))
    return [[part for part in parts if part.at <= row.at][-1].index(row.equity) for row in points]


@given(st.lists(st.tuples(GROWTHS, PAID), min_size=1, max_size=12))
def test_payments_are_no_profit(steps: list[tuple[float, float]]) -> None:
    expected = 1.0
    for growth, _ in steps:
        expected *= growth
    assert grown(*record(steps))[-1] == pytest.approx(expected, rel=1e-4)


@given(st.lists(st.tuples(GROWTHS, PAID), min_size=1, max_size=8), st.integers(2, 50))
def test_twice_the_money_is_the_same_return(steps: list[tuple[float, float]], times: int) -> None:
    points, flows = record(steps)
    more = [Point(row.at, row.equity * times) for row in points]
    paid = [Flow(row.at, row.minor * times) for row in flows]
    assert grown(more, paid)[-1] == pytest.approx(grown(points, flows)[-1], rel=1e-6)


@given(st.lists(GROWTHS, min_size=1, max_size=20))
def test_without_payments_it_is_end_over_beginning(growths: list[float]) -> None:
    points, _ = record([(growth, 0) for growth in growths])
    assert grown(points, [])[-1] == pytest.approx(points[-1].equity / points[0].equity)


@given(st.lists(st.tuples(GROWTHS, PAID), min_size=1, max_size=12), st.integers(-25, 25))
def test_a_server_whose_clock_is_off_changes_nothing(steps: list[tuple[float, float]], seconds: int) -> None:
    points, flows = record(steps)
    assume(all(abs(flow.minor) > 100_000 for flow in flows))
    off = [Flow(flow.at + timedelta(seconds=seconds), flow.minor) for flow in flows]
    assert grown(points, off)[-1] == pytest.approx(grown(points, flows)[-1], rel=1e-9)


def test_a_payment_late_by_a_minute_is_found_where_the_equity_jumped() -> None:
    points = [Point(START + timedelta(minutes=number), equity) for number, equity in enumerate((100, 600, 605, 610))]
    pair = place(Flow(START + timedelta(seconds=80), 500), points)
    assert pair is not None
    assert (pair[0].equity, pair[1].equity) == (100, 600)


def test_the_payment_in_the_first_point_is_not_counted_again() -> None:
    """The first point shows the deposit of its own minute: 1,000 in, 10 lost, is −1 % and not a half."""
    minute = timedelta(minutes=1)
    points = [Point(START, 100_000), Point(START + minute, 99_500), Point(START + timedelta(days=1), 99_000)]
    flow = Flow(START + timedelta(seconds=11), 100_000)
    assert gaps([flow], [around(points, flow)]) == []
    assert grown(points, [flow])[-1] == pytest.approx(0.99)


def test_the_first_payment_after_an_empty_point_is_one() -> None:
    points = [Point(START, 0), Point(START + timedelta(minutes=1), 40_000), Point(START + timedelta(minutes=2), 40_000)]
    flow = Flow(START + timedelta(seconds=11), 100_000)
    assert gaps([flow], [around(points, flow)]) == [Gap(points[0], points[1], inflow=100_000)]


def test_an_account_emptied_stands_still_until_money_comes() -> None:
    first, second = Point(START, 1_000), Point(START + timedelta(minutes=1), 0)
    third, fourth = Point(START + timedelta(days=9), 0), Point(START + timedelta(days=9, minutes=1), 2_200)
    parts = stretches(first, [Gap(first, second, outflow=1_100), Gap(third, fourth, inflow=2_000)])
    assert [part.level for part in parts] == pytest.approx([1.0, 1.1, 1.21])


def test_what_was_lost_by_trading_stays_lost() -> None:
    first, second = Point(START, 1_000), Point(START + timedelta(minutes=1), 500)
    parts = stretches(Point(START, 1_000), [Gap(Point(START, 0), second, inflow=500)])
    assert (first.equity, parts[-1].index(10_000)) == (1_000, 0)


# --- from the database


def store(account: TradingAccount, points: list[Point], flows: list[Flow]) -> None:
    EquityPoint.objects.bulk_create(
        EquityPoint(account=account, at=row.at, balance_minor=row.equity, equity_minor=row.equity) for row in points
    )
    for number, flow in enumerate(flows):
        deal(account, number + 1, flow.at, flow.minor, kind="balance")


def deal(account: TradingAccount, number: int, at: datetime, minor: int, **values: Any) -> Deal:
    given_ = {"kind": "sell", "entry": "out", "reason": "client", "symbol": "EURUSD", "lots": Decimal(1)} | values
    zero = dict.fromkeys(("price", "position_price", "contract_size", "closed_lots"), Decimal(1)) | {"position": 0}
    return Deal.objects.create(
        server=account.server, deal=number, account=account, login=account.login or 0, order=0,
        profit_minor=minor, swap_minor=0, commission_minor=0,
        result_minor=0 if given_["kind"] == "credit" else minor,
        currency=account.currency, digits=2, executed_at=at, stored_at=at, **{**zero, **given_},
    )  # fmt: skip


def recent(points: list[Point], flows: list[Flow]) -> tuple[list[Point], list[Flow]]:
    """The same, begun yesterday."""
    by = clock.now() - timedelta(days=1) - START
    return [Point(row.at + by, row.equity) for row in points], [Flow(row.at + by, row.minor) for row in flows]


STORIES = [
    [(1.1, 0), (0.8, 0), (1.5, 0)],
    [(1.1, 50_000_000), (0.5, -0.5), (1.2, 0), (0.9, 0)],
    [(0.9, 900_000_000), (0.9, -0.9), (0.9, 200_000_000), (1.6, 0)],
]


@pytest.mark.parametrize("steps", STORIES)
def test_the_page_says_what_the_curve_says(desk: Desk, steps: list[tuple[float, float]]) -> None:
    points, flows = recent(*record(steps))
    store(desk.account, points, flows)
    index = grown(points, flows)
    peaks = [max(index[: number + 1]) for number in range(len(index))]
    with CaptureQueriesContext(connection) as seen:
        found = performance(desk.account)
    assert found is not None
    assert float(found.growth) == pytest.approx(index[-1] - 1, abs=1e-5)
    assert float(found.drawdown) == pytest.approx(
        max(1 - value / peak for value, peak in zip(index, peaks, strict=True)), abs=1e-5
    )
    assert len(seen) <= 5
    assert all(later.at > earlier.at for earlier, later in pairwise(points))


def test_credit_is_money_from_outside_too(desk: Desk) -> None:
    points, _ = recent([Point(START, 1_000), Point(START + timedelta(minutes=1), 1_500)], [])
    store(desk.account, points, [])
    deal(desk.account, 9, points[0].at + timedelta(seconds=30), 500, kind="credit")
    found = performance(desk.account)
    assert found is not None
    assert (found.growth, found.drawdown) == (0, 0)


def test_without_a_record_nothing_is_said(desk: Desk) -> None:
    assert performance(desk.account) is None
    EquityPoint.objects.create(account=desk.account, at=clock.now(), balance_minor=0, equity_minor=0)
    assert performance(desk.account) is None


def test_what_opening_cost_is_counted_with_the_trade(desk: Desk) -> None:
    """Two lots opened for 7.00, closed in halves: one gains 5.00 less 3.50 and 3.50, the other loses 1.00 less 3.50."""
    at = clock.now() - timedelta(hours=1)
    deal(desk.account, 1, at, -700, kind="buy", entry="in", lots=Decimal(2), position=77, closed_lots=Decimal(0))
    deal(desk.account, 2, at, 500 - 350, position=77)
    deal(desk.account, 3, at, -100, position=77)
    deal(desk.account, 4, at, -900, kind="buy", entry="in", position=78, closed_lots=Decimal(0))  # open still
    deal(desk.account, 5, at, 400, position=79)
    found = statistics(desk.account)
    assert (found.trades, found.lots, found.net.minor) == (3, 3, -200 - 450 + 400)
    assert (found.best.minor, found.worst.minor) == (400, -450)
    assert (found.win_rate, found.profit_factor) == (Decimal(1) / 3, Decimal(400) / 650)


def test_where_all_trades_lost_the_best_lost_least(desk: Desk) -> None:
    for number, result in enumerate((-300, -25, -900), start=1):
        deal(desk.account, number, clock.now(), result)
    found = statistics(desk.account)
    assert (found.best.minor, found.worst.minor) == (-25, -900)


def test_few_trades_are_called_few(desk: Desk) -> None:
    browser = desk.browser(desk.user, "portal")
    address = f"/accounts/{desk.account.pk}/"
    assert "Too few" not in browser.get(address).content.decode()
    deal(desk.account, 1, clock.now(), 100)
    store(desk.account, *recent([Point(START, 100), Point(START + timedelta(minutes=1), 150)], []))
    page = browser.get(address).content.decode()
    assert "Too few trades: from 1 closed trade," in page
    assert "Largest drawdown" in page
    for number in range(2, FEW + 1):
        deal(desk.account, number, clock.now(), 100)
    assert not statistics(desk.account).few
