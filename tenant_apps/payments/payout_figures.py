"""Figures of what is paid out: how many parts of withdrawals are paid, how long that takes and what it costs.

A part goes one way: back to a payment's source, or out by one provider. Everything is aggregated by the database in a fixed
number of queries; amounts are never added across currencies. No rule says what paying out costs, so a cost is what the
provider told, or its report, and of the others the figures say how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import pgettext_lazy

from kernel.actors import Actor
from kernel.money import Money

from .figures import IN_ITS_CURRENCY, TOLD, Percentile, Period, seconds, told_in_others
from .models import PartState, WithdrawalPart
from .permissions_list import VIEW
from .selectors import withdrawals_visible

PAID = Q(state=PartState.PAID)
METHOD = Coalesce(
    NullIf(F("deposit__method"), Value("")), NullIf(F("withdrawal__destination__method"), Value("")),
    F("withdrawal__method"), Value(""),
)  # fmt: skip
DIMENSIONS: dict[str, tuple[Any, Any]] = {
    "provider": (pgettext_lazy("payment figures", "Provider"), F("provider_account__name")),
    "method": (pgettext_lazy("payment figures", "Method"), METHOD),
    "country": (pgettext_lazy("payment figures", "Country"), F("withdrawal__client__country")),
}


@dataclass(frozen=True, slots=True)
class PayoutFigures:
    """One currency, or one provider, method or country in it."""

    name: str
    currency: str
    started: int
    paid: int
    failed: int
    total: Money
    cost: Money  # what was told in the currency itself
    others: tuple[Money, ...]  # what was told in others
    untold: int  # paid parts of which nobody has said what they cost
    median: float | None  # seconds from the client's request to the payment
    p95: float | None
    provider_median: float | None  # of it, from the last approval on

    @property
    def cost_share(self) -> float | None:
        """None where it would mislead: a part of the cost is in another currency."""
        return self.cost.minor / self.total.minor if self.total.minor and not self.others else None


def _rows(actor: Actor, period: Period, currency: str, code: str) -> QuerySet[WithdrawalPart]:
    begin, end = period.span
    mine = withdrawals_visible(actor, code).filter(created_at__gte=begin, created_at__lt=end)
    rows = WithdrawalPart.objects.filter(withdrawal__in=mine.order_by().values("pk")).exclude(state=PartState.DROPPED)
    return rows.filter(currency=currency) if currency else rows


def _took(since: str) -> ExpressionWrapper:
    return ExpressionWrapper(F("closed_at") - F(since), output_field=DurationField())


def _aggregated(rows: QuerySet[WithdrawalPart], dimension: str = "") -> list[PayoutFigures]:
    named = rows.annotate(name=DIMENSIONS[dimension][1] if dimension else F("currency")).order_by()
    others = told_in_others(named.filter(PAID))
    found = named.values("currency", "name").annotate(
        started=Count("pk"),
        paid=Count("pk", filter=PAID),
        failed=Count("pk", filter=Q(state=PartState.FAILED)),
        total=Coalesce(Sum("amount_minor", filter=PAID), 0),
        cost=Coalesce(Sum("provider_fee_minor", filter=PAID & IN_ITS_CURRENCY), 0),
        untold=Count("pk", filter=PAID & ~TOLD),
        median=Percentile(_took("withdrawal__created_at"), fraction=0.5, filter=PAID),
        p95=Percentile(_took("withdrawal__created_at"), fraction=0.95, filter=PAID),
        provider_median=Percentile(_took("withdrawal__approved_at"), fraction=0.5, filter=PAID),
    )
    return [
        _figures(row, others.get((row["currency"], row["name"]), ()))
        for row in found.order_by("currency", "-total", "name")
    ]


def _figures(row: Mapping[str, Any], others: tuple[Money, ...]) -> PayoutFigures:
    currency = row["currency"]
    return PayoutFigures(
        name=str(row["name"]), currency=currency, started=row["started"], paid=row["paid"], failed=row["failed"],
        total=Money(int(row["total"]), currency), cost=Money(int(row["cost"]), currency), others=others,
        untold=row["untold"], median=seconds(row["median"]), p95=seconds(row["p95"]),
        provider_median=seconds(row["provider_median"]),
    )  # fmt: skip


def by_currency(actor: Actor, period: Period, currency: str = "") -> list[PayoutFigures]:
    """Two queries."""
    return _aggregated(_rows(actor, period, currency, VIEW))


def by_dimension(
    actor: Actor, period: Period, dimension: str, currency: str = "", *, code: str = VIEW
) -> list[PayoutFigures]:
    """Two queries; the largest first within a currency."""
    return _aggregated(_rows(actor, period, currency, code), dimension)
