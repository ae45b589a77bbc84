"""Reading exchange rates: the price of a pair now, its history, what waits, and the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from kernel import clock

from . import registry
from .errors import RateTooOld, RateUnknown
from .models import Decision, ExchangePolicy, ManualRate, PairMarkup, Rate, SourceState, pair_key
from .pricing import Edge, Price, price


def exchange_policy() -> ExchangePolicy:
    """The brokerage's rules, or what stands while nobody has set any (not stored)."""
    return ExchangePolicy.objects.first() or ExchangePolicy()


def markup_bps(base: str, quote: str, policy: ExchangePolicy) -> int:
    """The pair's own mark-up, else the default."""
    own = PairMarkup.objects.filter(pair=pair_key(base, quote)).values_list("bps", flat=True).first()
    return policy.markup_bps if own is None else int(own)


def edges_at(now: datetime, max_age: timedelta | None) -> list[Edge]:
    """The newest rate of each pair that may be used: not older than `max_age` (None: of any age), or pegged and not ended.

    What claims to be from the future is left out. One query.
    """
    rows = Rate.objects.filter(observed_at__lte=now)
    if max_age is not None:
        newer = Rate.objects.filter(
            pair=OuterRef("pair"), observed_at__gt=OuterRef("observed_at"), observed_at__lte=now
        )
        rows = rows.filter(Q(observed_at__gte=now - max_age) | Q(pegged=True) & ~Exists(newer))
    newest = rows.order_by("pair", "-observed_at", "-id").distinct("pair")
    return [Edge(row.base, row.quote, row.mid, row.source, row.observed_at, row.pegged) for row in newest]


def price_now(base: str, quote: str, policy: ExchangePolicy | None = None) -> Price:
    """The mid rate of a pair. Raises RateUnknown, RateTooOld."""
    now = clock.now()
    rules = policy or exchange_policy()
    found = price(base, quote, edges_at(now, rules.max_age))
    if found is None:
        known = price(base, quote, edges_at(now, None))
        raise (RateTooOld if known else RateUnknown)(base=base, quote=quote)
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair's newest rate as the office sees it."""

    edge: Edge
    age: timedelta
    stale: bool

    @property
    def source(self) -> str:
        return str(registry.label(self.edge.source))


def shown_rates(policy: ExchangePolicy) -> list[Shown]:
    """The newest rate of every pair there ever was, by currencies."""
    now = clock.now()
    found = []
    for edge in sorted(edges_at(now, None), key=lambda edge: (edge.base, edge.quote)):
        age = now - edge.observed_at
        found.append(Shown(edge, age, not edge.pegged and age > policy.max_age))
    return found


def history_of(pair: str, limit: int = 400) -> list[Rate]:
    """What was published of a pair, newest first."""
    return list(Rate.objects.filter(pair=pair).order_by("-observed_at", "-id")[:limit])


def currencies_known() -> list[str]:
    """Every currency that some rate names."""
    pairs = Rate.objects.order_by("pair").values_list("pair", flat=True).distinct()
    return sorted({code for pair in pairs for code in pair.split("/")})


def source_states() -> Sequence[SourceState]:
    return list(SourceState.objects.order_by("source"))


def markups() -> list[PairMarkup]:
    return list(PairMarkup.objects.order_by("pair"))


def manual_waiting() -> list[ManualRate]:
    return list(ManualRate.objects.filter(state=Decision.PROPOSED).order_by("created_at"))


def manual_decided(limit: int = 20) -> list[ManualRate]:
    return list(ManualRate.objects.exclude(state=Decision.PROPOSED).order_by("-decided_at")[:limit])
