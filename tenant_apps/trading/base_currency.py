"""Sums across accounts of several currencies: in the brokerage's base currency, at the newest rates known.

For looking at risk only: an old rate is better than none there, and nobody is paid by it. What has no rate at all is
counted, never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db.models import Case, DecimalField, ExpressionWrapper, F, Value, When

from kernel import clock
from kernel.money import Money, minor_units
from kernel.tenancy import context
from tenant_apps.wallets.pricing import price
from tenant_apps.wallets.rates import edges_at

from .models import AccountType

NUMBER: DecimalField[Any, Any] = DecimalField(max_digits=40, decimal_places=12)
PLACES = Decimal(1).scaleb(-12)


@dataclass(frozen=True, slots=True)
class Base:
    """`factors`: what one minor unit of a currency is in minor units of the base."""

    currency: str
    factors: Mapping[str, Decimal]

    def money(self, value: Decimal | int | None) -> Money:
        return Money(int(Decimal(value or 0).to_integral_value(ROUND_HALF_EVEN)), self.currency)

    def of(self, field: str) -> ExpressionWrapper[Any]:
        """A minor amount of a row with a `currency` as an expression in the base; NULL without a rate."""
        cases = [When(currency=code, then=Value(factor, NUMBER)) for code, factor in self.factors.items()]
        factor = Case(*cases, default=Value(None, NUMBER), output_field=NUMBER)
        return ExpressionWrapper(F(field) * factor, output_field=NUMBER)


def base_of_brokerage() -> Base:
    """Two queries."""
    tenant = context.tenant()
    offered = tenant.setting("currencies") or ["USD"]
    base = str(tenant.setting("base_currency") or offered[0])
    edges = edges_at(clock.now(), None)
    factors = {base: Decimal(1)}
    for code in AccountType.objects.order_by("currency").values_list("currency", flat=True).distinct():
        found = None if code == base else price(code, base, edges)
        if found is not None:
            factors[code] = found.mid.scaleb(minor_units(base) - minor_units(code)).quantize(PLACES)
    return Base(base, factors)
