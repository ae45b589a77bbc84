"""Banking days of the euro, by the ECB's published calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant_apps.wallets.target_days import days_since, easter, is_banking_day, last_banking_day, oldest_within


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(1961, "04-02"), (2000, "04-23"), (2008, "03-23"), (2019, "04-21"), (2024, "03-31"), (2025, "04-20"),
     (2026, "04-05"), (2027, "03-28"), (2038, "04-25"), (2285, "03-22")],
)  # fmt: skip
def test_easter(year: int, sunday: str) -> None:
    assert easter(year) == date.fromisoformat(f"{year}-{sunday}")


def test_closing_days_of_2026() -> None:
    """ECB, "TARGET closing days 2026"."""
    week = [date(2026, 1, 1) + timedelta(days=at) for at in range(365)]
    closed = [day.isoformat()[5:] for day in week if day.weekday() < 5 and not is_banking_day(day)]
    assert closed == ["01-01", "04-03", "04-06", "05-01", "12-25"]  # 26 December is a Saturday
    assert last_banking_day(date(2026, 4, 6)) == date(2026, 4, 2)


@pytest.mark.parametrize(
    ("since", "now", "days"),
    [
        ("2026-04-02T12:15", "2026-04-07T08:00", 1), ("2026-04-02T12:15", "2026-04-06T20:00", 0),
        ("2026-11-20T13:15", "2026-11-22T12:00", 0), ("2026-11-20T13:15", "2026-11-23T12:00", 1),
        ("2026-12-31T13:15", "2027-01-04T12:00", 1), ("2026-11-20T13:15", "2026-11-20T23:30", 0),
    ],
)  # fmt: skip
def test_days_that_have_begun(since: str, now: str, days: int) -> None:
    assert days_since(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, now))) == days


@given(hours=st.integers(0, 20 * 365 * 24), days=st.integers(1, 10))
def test_the_limit_is_where_the_count_changes(hours: int, days: int) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    limit = oldest_within(now, days)
    assert days_since(limit, now) <= days < days_since(limit - timedelta(seconds=1), now)
