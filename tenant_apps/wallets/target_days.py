"""Banking days of the euro: the days on which TARGET is open, and the European Central Bank publishes reference rates.

Closed on Saturdays and Sundays, New Year's Day, Good Friday, Easter Monday, 1 May, 25 and 26 December (ECB, "TARGET closing
days", unchanged since 2002). A day begins at midnight in Frankfurt.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FRANKFURT = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
_FIXED = frozenset({(1, 1), (5, 1), (12, 25), (12, 26)})


@lru_cache(maxsize=64)
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the "anonymous" algorithm: Nature, 20 April 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    leaps, odd = divmod(century, 4)
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * odd + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def is_banking_day(day: date) -> bool:
    sunday = easter(day.year)
    return day.weekday() < 5 and (day.month, day.day) not in _FIXED and day not in (sunday - 2 * DAY, sunday + DAY)


def last_banking_day(day: date) -> date:
    """The day itself, or the last one before it that is a banking day."""
    while not is_banking_day(day):
        day -= DAY
    return day


def days_since(moment: datetime, now: datetime) -> int:
    """How many banking days have begun since the day of `moment`: on Tuesday after Easter one since Maundy Thursday."""
    day, today, found = _local(moment), _local(now), 0
    while day < today:
        day += DAY
        found += is_banking_day(day)
    return found


def oldest_within(now: datetime, days: int) -> datetime:
    """The instant (UTC) from which on `days_since` is at most `days`."""
    day, found = _local(now), 0
    while found + is_banking_day(day) <= days:
        found += is_banking_day(day)
        day -= DAY
    return datetime.combine(day, time(), FRANKFURT).astimezone(UTC)


def _local(moment: datetime) -> date:
    return moment.astimezone(FRANKFURT).date()
