"""What a strategy's page shows, the same in portal and office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import prod
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import pgettext_lazy

from kernel.ui.charts import Chart, Series
from tenant_apps.trading.selectors import FEW

from .figures import MIN_DAYS
from .models import Strategy, StrategyStats


@dataclass(frozen=True, slots=True)
class Year:
    """A year of monthly returns, None where there was no record; `whole` over the months that there are."""

    year: int
    months: list[Decimal | None]
    whole: Decimal


def years(stats: StrategyStats) -> list[Year]:
    """The newest year first."""
    found: dict[int, dict[int, Decimal]] = {}
    for month, growth in stats.months:
        year, _, number = month.partition("-")
        found.setdefault(int(year), {})[int(number)] = Decimal(str(growth))
    return [
        Year(
            year,
            [months.get(number) for number in range(1, 13)],
            prod((1 + one for one in months.values()), start=Decimal(1)) - 1,
        )
        for year, months in sorted(found.items(), reverse=True)
    ]


def month_names() -> list[str]:
    return [date_format(date(2026, number, 1), "M") for number in range(1, 13)]


def curve(stats: StrategyStats) -> Chart | None:
    if len(stats.curve) < 2:
        return None
    return Chart(
        kind="area",
        x=[datetime.fromisoformat(day).date() for day, _ in stats.curve],
        series=[Series(name=pgettext_lazy("strategy", "Return"), values=[100 * growth for _, growth in stats.curve])],
        unit="%",
    )


def shown(row: Strategy) -> dict[str, Any]:
    return {
        "row": row,
        "stats": row.stats,
        "curve": curve(row.stats),
        "years": years(row.stats),
        "month_names": month_names(),
        "few_trades": FEW,
        "few_days": MIN_DAYS,
    }
