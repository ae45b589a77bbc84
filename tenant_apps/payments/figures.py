"""Figures of the cashier: how many payments come through, why others do not, how fast and at what cost.

Everything is aggregated by the database in a fixed number of queries. Amounts are never added across currencies. The
approval ratio leaves out who left the page: credited of credited and declined. A deposit's cost is what the provider told,
where it told it in the deposit's currency, else what the rule expects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import (
    Aggregate,
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.money import Money

from .models import Deposit, DepositState
from .permissions_list import VIEW
from .selectors import deposits_visible
from .services.routing import brokerage_zone

CREDITED = Q(state=DepositState.CREDITED) | Q(state=DepositState.REVERSED, credited_at__isnull=False)
DECLINED = Q(state=DepositState.FAILED) & ~Q(failure__in=["cancelled", "closed", "expired"])
LEFT = Q(state=DepositState.EXPIRED) | Q(state=DepositState.FAILED, failure__in=["cancelled", "closed", "expired"])
COST = Case(When(provider_fee_currency=F("currency"), then=F("provider_fee_minor")), default=F("cost_minor"))
PERIODS = (7, 30, 90, 365)
DIMENSIONS: dict[str, tuple[Any, str]] = {
    "provider": (pgettext_lazy("payment figures", "Provider"), "provider_account__name"),
    "method": (pgettext_lazy("payment figures", "Method"), "method"),
    "country": (pgettext_lazy("payment figures", "Country"), "client__country"),
}


class Percentile(Aggregate):
    """PERCENTILE_CONT: the time below which a fraction of the rows lies."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()

    def __init__(self, expression: Any, *, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=fraction, **extra)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of the brokerage's own calendar, both ends included."""

    first: date
    last: date

    @property
    def span(self) -> tuple[datetime, datetime]:
        zone = brokerage_zone()
        begin = datetime.combine(self.first, time.min, tzinfo=zone)
        return begin, datetime.combine(self.last + timedelta(days=1), time.min, tzinfo=zone)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def period_of(days: str, first: str, last: str) -> Period:
    """What was asked for: two dates, else so many days up to today; 30 where it makes no sense."""
    today = clock.now().astimezone(brokerage_zone()).date()
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or today.isoformat())
        if begin <= end:
            return Period(begin, end)
    except ValueError:
        pass
    count = int(days) if days.isdecimal() and int(days) in PERIODS else 30
    return Period(today - timedelta(days=count - 1), today)


@dataclass(frozen=True, slots=True)
class Figures:
    """One currency, or one provider, method or country in it."""

    name: str
    currency: str
    started: int
    credited: int
    declined: int
    left: int
    total: Money
    fees: Money
    cost: Money
    median: float | None  # seconds from the payment's page to the credit
    p95: float | None

    @property
    def approval(self) -> float | None:
        decided = self.credited + self.declined
        return self.credited / decided if decided else None

    @property
    def cost_share(self) -> float | None:
        return self.cost.minor / self.total.minor if self.total.minor else None


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    currency: str
    count: int
    share: float


def _rows(actor: Actor, period: Period, currency: str, code: str) -> QuerySet[Deposit]:
    begin, end = period.span
    rows = deposits_visible(actor, code).filter(created_at__gte=begin, created_at__lt=end)
    # What another currency was credited as has its own row; the payment itself was started once.
    return rows.filter(currency=currency) if currency else rows


def _aggregated(rows: QuerySet[Deposit], *names: str) -> list[Figures]:
    took = ExpressionWrapper(
        F("credited_at") - Coalesce(F("pending_at"), F("created_at")), output_field=DurationField()
    )
    found = rows.values("currency", *names).annotate(
        started=Count("pk"),
        good=Count("pk", filter=CREDITED),
        bad=Count("pk", filter=DECLINED),
        gone=Count("pk", filter=LEFT),
        total=Coalesce(Sum("received_minor", filter=CREDITED), 0),
        fees=Coalesce(Sum("fee_minor", filter=CREDITED), 0),
        cost=Coalesce(Sum(COST, filter=CREDITED), 0),
        median=Percentile(took, fraction=0.5, filter=CREDITED),
        p95=Percentile(took, fraction=0.95, filter=CREDITED),
    )
    return [_figures(row, names) for row in found.order_by("currency", "-total", *names)]


def _figures(row: dict[str, Any], names: Sequence[str]) -> Figures:
    currency = row["currency"]
    return Figures(
        name=str(row[names[0]]) if names else currency, currency=currency, started=row["started"], credited=row["good"],
        declined=row["bad"], left=row["gone"], total=Money(int(row["total"]), currency),
        fees=Money(int(row["fees"]), currency), cost=Money(int(row["cost"]), currency), median=_seconds(row["median"]), p95=_seconds(row["p95"]),
    )  # fmt: skip


def _seconds(took: timedelta | None) -> float | None:
    return None if took is None else took.total_seconds()


def by_currency(actor: Actor, period: Period, currency: str = "") -> list[Figures]:
    """One query."""
    return _aggregated(_rows(actor, period, currency, VIEW))


def by_dimension(
    actor: Actor, period: Period, dimension: str, currency: str = "", *, code: str = VIEW
) -> list[Figures]:
    """One query; the largest first within a currency."""
    return _aggregated(_rows(actor, period, currency, code), DIMENSIONS[dimension][1])


def reasons(actor: Actor, period: Period, currency: str = "") -> list[Reason]:
    """Why payments were declined, the most frequent first. One query."""
    named = Case(When(failure="", then=Value("declined")), default=F("failure"))
    rows = _rows(actor, period, currency, VIEW).filter(DECLINED).annotate(why=named)
    found = list(rows.values("currency", "why").annotate(n=Count("pk")).order_by("-n", "currency", "why"))
    totals: dict[str, int] = {}
    for row in found:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["n"]
    return [Reason(row["why"], row["currency"], row["n"], row["n"] / totals[row["currency"]]) for row in found]


def currencies(actor: Actor) -> list[str]:
    return sorted(deposits_visible(actor).order_by().values_list("currency", flat=True).distinct())
