"""From what the sources published to the rate between any two currencies, exactly.

Invariants. A cross rate is computed from the published numbers as one fraction (EURJPY / EURUSD), never from a rounded
inverse; only the result is cut, downwards, at 24 decimals. So the two directions of a pair multiply to at most one, and
amounts are floored on top of that: no round trip gains (money.md, 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from kernel.money import Money, minor_units

PLACES = 24
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Edge:
    """One published rate: `mid` units of `quote` per `base`. A pegged one has no age."""

    base: str
    quote: str
    mid: Decimal
    source: str
    observed_at: datetime
    pegged: bool = False

    def factor(self, start: str) -> Fraction:
        """Units of the other currency per unit of `start`, exact."""
        return Fraction(self.mid) if start == self.base else 1 / Fraction(self.mid)


@dataclass(frozen=True, slots=True)
class Price:
    """The mid rate of a pair. `observed_at` is the time of its oldest part that ages; of a chain of pegs, the newest's."""

    base: str
    quote: str
    mid: Decimal
    source: str
    observed_at: datetime
    path: tuple[str, ...]

    def applied(self, bps: int) -> Decimal:
        """What the client gets per unit given: the mid less the mark-up, cut downwards."""
        return cut(Fraction(self.mid) * (BPS - bps) / BPS)


def cut(value: Fraction) -> Decimal:
    """A rate at 24 decimals, never more than the value."""
    with localcontext(prec=80):
        return Decimal(value.numerator * 10**PLACES // value.denominator).scaleb(-PLACES)


def price(base: str, quote: str, edges: Iterable[Edge]) -> Price | None:
    """By the fewest published rates there are between the two; of equally short ways the alphabetically first."""
    way = _way(base, quote, _neighbours(edges))
    if way is None:
        return None
    factor, start = Fraction(1), base
    for edge, end in way:
        factor *= edge.factor(start)
        start = end
    aged = [edge.observed_at for edge, _ in way if not edge.pegged]
    moment = min(aged) if aged else max(edge.observed_at for edge, _ in way)
    source = "+".join(sorted({edge.source for edge, _ in way}))
    return Price(base, quote, cut(factor), source, moment, (base, *(end for _, end in way)))


def _neighbours(edges: Iterable[Edge]) -> Mapping[str, Mapping[str, Edge]]:
    found: dict[str, dict[str, Edge]] = {}
    for edge in edges:
        found.setdefault(edge.base, {})[edge.quote] = edge
        found.setdefault(edge.quote, {})[edge.base] = edge
    return found


def _way(base: str, quote: str, near: Mapping[str, Mapping[str, Edge]]) -> list[tuple[Edge, str]] | None:
    reached: dict[str, list[tuple[Edge, str]]] = {base: []}
    frontier = [base]
    while frontier and quote not in reached:
        further = []
        for here in frontier:
            for there in sorted(near.get(here, {})):
                if there not in reached:
                    reached[there] = [*reached[here], (near[here][there], there)]
                    further.append(there)
        frontier = further
    return reached.get(quote) if quote != base else None


def received(give: Money, applied: Decimal, currency: str) -> Money:
    """What the client gets: floored, always."""
    return give.converted(applied, currency, rounding=ROUND_FLOOR)


def needed(get: Money, applied: Decimal, currency: str) -> Money:
    """The least amount of `currency` that brings at least `get`."""
    exact = Fraction(get.minor, 10 ** minor_units(get.currency)) / Fraction(applied) * 10 ** minor_units(currency)
    return Money(-(-exact.numerator // exact.denominator), currency)


def worth(give: Money, mid: Decimal, currency: str) -> Money:
    """What it is worth at the mid rate, for the house's books: half-even, but never less than what is floored."""
    return give.converted(mid, currency, rounding=ROUND_HALF_EVEN)
