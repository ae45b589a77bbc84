"""Figures of the cashier: how many payments come through, why others do not, how fast and at what cost.

Everything is aggregated by the database in a fixed number of queries. Amounts are never added across currencies. The
approval ratio leaves out who left the page: credited of credited and declined. A deposit's cost is what the provider told,
in whichever currency, and what the rule expects only of those of which nothing was told.
"""

from __future__ import annotations

from collections.abc import Mapping
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

from kernel.actors import Actor
from kernel.money import Money

from .models import Deposit, DepositState, PartState, WithdrawalState
from .permissions_list import VIEW
from .selectors import deposits_visible, withdrawals_visible
from .services.routing import brokerage_today, brokerage_zone

CREDITED = Q(state=DepositState.CREDITED) | Q(state=DepositState.REVERSED, credited_at__isnull=False)
DECLINED = Q(state=DepositState.FAILED) & ~Q(failure__in=["cancelled", "closed", "expired"])
LEFT = Q(state=DepositState.EXPIRED) | Q(state=DepositState.FAILED, failure__in=["cancelled", "closed", "expired"])
TOLD = ~Q(provider_fee_currency="")
IN_ITS_CURRENCY = Q(provider_fee_currency=F("currency"))
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
    today = brokerage_today()
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
    cost: Money  # in the currency itself: what was told, and the estimate
    estimated: Money  # of it by the rules, of payments whose cost nobody has told
    others: tuple[Money, ...]  # what was told in other currencies
    median: float | None  # seconds from the payment's page to the credit
    p95: float | None

    @property
    def approval(self) -> float | None:
        decided = self.credited + self.declined
        return self.credited / decided if decided else None

    @property
    def cost_share(self) -> float | None:
        """None where it would mislead: a part of the cost is in another currency."""
        return self.cost.minor / self.total.minor if self.total.minor and not self.others else None


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


def _aggregated(rows: QuerySet[Deposit], dimension: str = "") -> list[Figures]:
    named = rows.annotate(name=F(DIMENSIONS[dimension][1] if dimension else "currency")).order_by()
    took = ExpressionWrapper(
        F("credited_at") - Coalesce(F("pending_at"), F("created_at")), output_field=DurationField()
    )
    others = told_in_others(named.filter(CREDITED))
    found = named.values("currency", "name").annotate(
        started=Count("pk"),
        good=Count("pk", filter=CREDITED),
        bad=Count("pk", filter=DECLINED),
        gone=Count("pk", filter=LEFT),
        total=Coalesce(Sum("received_minor", filter=CREDITED), 0),
        fees=Coalesce(Sum("fee_minor", filter=CREDITED), 0),
        told=Coalesce(Sum("provider_fee_minor", filter=CREDITED & IN_ITS_CURRENCY), 0),
        guessed=Coalesce(Sum("cost_minor", filter=CREDITED & ~TOLD), 0),
        median=Percentile(took, fraction=0.5, filter=CREDITED),
        p95=Percentile(took, fraction=0.95, filter=CREDITED),
    )
    return [
        _figures(row, others.get((row["currency"], row["name"]), ()))
        for row in found.order_by("currency", "-total", "name")
    ]


def told_in_others(named: QuerySet[Any]) -> dict[tuple[str, str], tuple[Money, ...]]:
    """By currency and `name` of payments in or out: what was told in other currencies than their own. One query."""
    sums: dict[tuple[str, str], tuple[Money, ...]] = {}
    rows = named.filter(TOLD).exclude(IN_ITS_CURRENCY).values("currency", "name", "provider_fee_currency")
    for row in rows.annotate(minor=Sum("provider_fee_minor")).order_by("provider_fee_currency"):
        key, fee = (row["currency"], row["name"]), Money(int(row["minor"]), row["provider_fee_currency"])
        sums[key] = (*sums.get(key, ()), fee)
    return sums


def _figures(row: Mapping[str, Any], others: tuple[Money, ...]) -> Figures:
    currency = row["currency"]
    return Figures(
        name=str(row["name"]), currency=currency, started=row["started"], credited=row["good"], declined=row["bad"],
        left=row["gone"], total=Money(int(row["total"]), currency), fees=Money(int(row["fees"]), currency),
        cost=Money(int(row["told"] + row["guessed"]), currency), estimated=Money(int(row["guessed"]), currency),
        others=others, median=seconds(row["median"]), p95=seconds(row["p95"]),
    )  # fmt: skip


def seconds(took: timedelta | None) -> float | None:
    return None if took is None else took.total_seconds()


def by_currency(actor: Actor, period: Period, currency: str = "") -> list[Figures]:
    """Two queries."""
    return _aggregated(_rows(actor, period, currency, VIEW))


def by_dimension(
    actor: Actor, period: Period, dimension: str, currency: str = "", *, code: str = VIEW
) -> list[Figures]:
    """Two queries; the largest first within a currency."""
    return _aggregated(_rows(actor, period, currency, code), dimension)


def reasons(actor: Actor, period: Period, currency: str = "") -> list[Reason]:
    """Why payments were declined, the most frequent first. One query."""
    named = Case(When(failure="", then=Value("declined")), default=F("failure"))
    rows = _rows(actor, period, currency, VIEW).filter(DECLINED).annotate(why=named)
    found = list(rows.values("currency", "why").annotate(n=Count("pk")).order_by("-n", "currency", "why"))
    totals: dict[str, int] = {}
    for row in found:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["n"]
    return [Reason(row["why"], row["currency"], row["n"], row["n"] / totals[row["currency"]]) for row in found]


@dataclass(frozen=True, slots=True)
class Out:
    """Withdrawals of one currency that were paid: what was sent, and what we kept of them."""

    currency: str
    count: int
    sent: Money
    fees: Money
    passed_on: Money  # what providers and networks took of what was sent, by the rules: not ours


def paid_out(actor: Actor, period: Period, currency: str = "") -> list[Out]:
    """By the day on which they ended. One query."""
    begin, end = period.span
    rows = withdrawals_visible(actor).filter(state=WithdrawalState.PAID, closed_at__gte=begin, closed_at__lt=end)
    rows = rows.filter(currency=currency) if currency else rows
    paid = Q(parts__state=PartState.PAID)
    found = rows.order_by().values("currency").annotate(
        count=Count("pk", distinct=True), sent=Coalesce(Sum("parts__amount_minor", filter=paid), 0),
        kept=Coalesce(Sum("parts__fee_minor", filter=paid), 0),
        theirs=Coalesce(Sum("parts__passed_on_minor", filter=paid), 0),
    ).order_by("currency")  # fmt: skip
    return [
        Out(
            row["currency"],
            row["count"],
            *(Money(int(row[name]), row["currency"]) for name in ("sent", "kept", "theirs")),
        )
        for row in found
    ]


def currencies(actor: Actor) -> list[str]:
    came = deposits_visible(actor).order_by().values_list("currency", flat=True).distinct()
    went = withdrawals_visible(actor).order_by().values_list("currency", flat=True).distinct()
    return sorted({*came, *went})
