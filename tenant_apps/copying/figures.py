"""A strategy's figures, from its own deals and equity (`trading/performance.py` says what return and drawdown are).

All over the account's whole record, begun long before it was offered or not: the page says both. Periods are the last 30, 91
and 365 days, and only of a record that covers them; nothing is said of a time in which the record cannot tell money paid in
or out from what trading did. A day is Monday to Friday in UTC, what weekends bring counts for Monday, and only days that are
over count. Sharpe ratio: mean over deviation (sample) of the days' returns, times √252, with nothing for riskless interest
(Sharpe, The Sharpe Ratio, Journal of Portfolio Management 1994).

Of fewer than FEW trades or MIN_DAYS days nobody can tell skill from luck: such a strategy is not `judged`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from kernel import clock
from tenant_apps.trading.base_currency import Base
from tenant_apps.trading.models import TradingAccount
from tenant_apps.trading.performance import Record, drawdown, levels, record_of
from tenant_apps.trading.selectors import FEW, thinned, trades_closed

PERIODS = {
    "growth_month": timedelta(days=30),
    "growth_quarter": timedelta(days=91),
    "growth_year": timedelta(days=365),
}
MIN_DAYS = 90
SHARPE_DAYS = 20  # returns of fewer days say nothing of how they vary
YEAR_DAYS = 252
CURVE_POINTS = 400
MOST = Decimal(99_999)
BELOW = Decimal(-100_000)  # where those too few to judge stand
LEAST_DRAWDOWN = Decimal("0.01")  # so that hardly any drawdown is no endless merit
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Line:
    """The index at every midnight (UTC) from the record's first day to the last, and now."""

    record: Record
    now: datetime
    at: Mapping[datetime, float]
    nights: Sequence[datetime]

    def growth(self, since: datetime) -> Decimal | None:
        """None where the record does not cover the time, or cannot tell."""
        before = self.at[since]
        return share(self.record.level / before - 1) if self.record.known_since(since) and before > 0 else None

    @property
    def known(self) -> bool:
        return self.record.known_since(self.record.first.at)

    def days(self) -> list[float]:
        """Returns of the weekdays that are over."""
        closes = [1.0, *(self.at[night] for night in self.nights if (night - timedelta(days=1)).weekday() < SATURDAY)]
        return [later / before - 1 for before, later in pairwise(closes) if before > 0]

    def months(self) -> list[tuple[str, float]]:
        """Returns of the months (UTC), the first from the record's beginning and the last until now."""
        marks = [self.record.first.at, *(night for night in self.nights if night.day == 1), self.now]
        steps = [(before, self.at[before], self.at[later]) for before, later in pairwise(marks)]
        return [(f"{begin:%Y-%m}", round(end / base - 1, 6)) for begin, base, end in steps if base > 0]

    def curve(self) -> list[tuple[str, float]]:
        """Growth at each day's end, of which the first is the beginning."""
        rows = [(self.record.first.at.date(), 0.0)]
        rows += [((night - timedelta(days=1)).date(), self.at[night] - 1) for night in self.nights]
        rows.append((self.now.date(), self.record.level - 1))
        latest: dict[date, float] = dict(rows)
        return [(day.isoformat(), round(value, 6)) for day, value in thinned(list(latest.items()), CURVE_POINTS)]


def line_of(account: TradingAccount, record: Record, now: datetime, *more: datetime) -> Line:
    first = record.first.at.astimezone(UTC).date()
    count = (now.astimezone(UTC).date() - first).days
    nights = [datetime.combine(first + timedelta(days=number + 1), time(), UTC) for number in range(count)]
    moments = [record.first.at, *nights, *(now - period for period in PERIODS.values()), *more, now]
    return Line(record, now, dict(zip(moments, levels(account, record, moments), strict=True)), nights)


def figures(account: TradingAccount, *, shown_since: datetime | None, base: Base) -> dict[str, Any]:
    """The columns of StrategyStats. Seven queries at most."""
    now, record = clock.now(), record_of(account)
    factor = base.factors.get(account.currency)
    values: dict[str, Any] = {
        "as_of": now,
        "capital_minor": None if factor is None else base.money(account.equity_minor * factor).minor,
        "capital_currency": base.currency,
        "copiers": None,
    }
    if record is not None:
        values |= _of_record(account, record, now, shown_since) | _of_trades(account, record.first.at)
        values["age_days"] = (now - record.first.at).days
    return values | _judgement(values)


def _of_record(account: TradingAccount, record: Record, now: datetime, shown_since: datetime | None) -> dict[str, Any]:
    line = line_of(account, record, now, *([shown_since] if shown_since else []))
    found: dict[str, Any] = {name: line.growth(now - period) for name, period in PERIODS.items()}
    found |= {"since": record.first.at, "growth_shown": line.growth(shown_since) if shown_since else None}
    if line.known:
        days = line.days()
        found |= {
            "growth": line.growth(record.first.at),
            "drawdown": share(drawdown(account, record)),
            "worst_day": share(min(days)) if days else None,
            "sharpe": sharpe(days),
            "months": line.months(),
            "curve": line.curve(),
        }
    return found


def sharpe(days: Sequence[float]) -> Decimal | None:
    if len(days) < SHARPE_DAYS:
        return None
    deviation = statistics.stdev(days)
    if deviation < 1e-9:
        return None
    return round(clipped(Decimal(str(statistics.fmean(days) / deviation * math.sqrt(YEAR_DAYS)))), 2)


def _of_trades(account: TradingAccount, since: datetime) -> dict[str, Any]:
    found = trades_closed(account, since)
    win_rate, factor = found.win_rate, found.profit_factor
    return {
        "trades": found.count,
        "win_rate": None if win_rate is None else round(win_rate, 6),
        "profit_factor": None if factor is None else round(clipped(factor), 2),
    }


def _judgement(values: Mapping[str, Any]) -> dict[str, Any]:
    age, growth = values.get("age_days", 0), values.get("growth")
    if growth is None or values.get("trades", 0) < FEW or age < MIN_DAYS:
        return {"judged": False, "standing": BELOW + min(age, MOST)}
    ratio = growth / max(values["drawdown"], LEAST_DRAWDOWN)
    return {"judged": True, "standing": round(clipped(ratio), 2)}


def clipped(value: Decimal) -> Decimal:
    """As much as a column holds; more is no figure but a tiny beginning."""
    return max(-MOST, min(MOST, value))


def share(value: float) -> Decimal:
    return round(clipped(Decimal(str(value))), 6)
