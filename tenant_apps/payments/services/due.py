"""By when a withdrawal is promised to be on its way: the hours of its ways out, counted while the brokerage works.

Hours are counted in the brokerage's own time zone, on the days of the week and between the hours that are set, and where
that is wished on days only on which euro banks settle (TARGET). With nothing set every hour counts. Money that goes several
ways at once is promised for the slowest. What was promised stays: settings changed later move no withdrawal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tenant_apps.wallets.target_days import is_banking_day

from ..models import PayoutSettings
from .routing import brokerage_zone

DAY = timedelta(days=1)
MOST_DAYS = 720 * 8  # the most hours that may be promised, one of them a day, with weekends and holidays between


def hours_promised(methods: Iterable[str], rules: PayoutSettings) -> int:
    """Of the slowest of some ways out (`chain.BACK` is back to the source)."""
    return max((int(rules.promised_by_method.get(method, rules.promised_hours)) for method in methods),
               default=rules.promised_hours)  # fmt: skip


def due_after(start: datetime, hours: int, rules: PayoutSettings, zone: tzinfo | None = None) -> datetime:
    """The instant (UTC) at which so many working hours have passed since `start`."""
    left = timedelta(hours=hours)
    if not (rules.work_days or rules.work_from or rules.banking_days):
        return start + left
    for begin, end in _windows(start, rules, zone or brokerage_zone()):
        begin = max(begin, start)
        if end - begin >= left:
            return begin + left
        left -= max(end - begin, timedelta())
    return start + timedelta(hours=hours)  # no working day in years: settings that the service refuses


def _windows(start: datetime, rules: PayoutSettings, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """When the brokerage works, from the day before `start` on (its night may pass midnight), in UTC."""
    first = start.astimezone(zone).date() - DAY
    for number in range(MOST_DAYS):
        day = first + number * DAY
        if _works(day, rules):
            begin, end = rules.work_from or time(), rules.work_until or time()
            yield _at(day, begin, zone), _at(day if end > begin else day + DAY, end, zone)


def _works(day: date, rules: PayoutSettings) -> bool:
    return (not rules.work_days or day.weekday() in rules.work_days) and (not rules.banking_days or is_banking_day(day))


def _at(day: date, moment: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, moment, zone).astimezone(UTC)
