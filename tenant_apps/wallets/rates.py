"""Reading exchange rates: the price of a pair now, its history, what waits, and the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from kernel import clock

from . import registry, target_days
from .errors import RateTooOld, RateUnknown
from .models import Decision, ExchangePolicy, ManualRate, PairMarkup, Rate, SourceState, pair_key
from .pricing import Edge, Price, price

MANUAL = "manual"  # the source of rates that people set


def exchange_policy() -> ExchangePolicy:
    """The brokerage's rules, or what stands while nobody has set any (not stored)."""
    return ExchangePolicy.objects.first() or ExchangePolicy()


def markup_bps(base: str, quote: str, policy: ExchangePolicy) -> int:
    """The pair's own mark-up, else the default."""
    own = PairMarkup.objects.filter(pair=pair_key(base, quote)).values_list("bps", flat=True).first()
    return policy.markup_bps if own is None else int(own)


def edges_at(now: datetime, policy: ExchangePolicy | None) -> list[Edge]:
    """The newest rate of each pair that may be used: young enough for the policy (None: of any age), or pegged and not
    ended. Published rates age by banking days, those that people set by the clock.

    What claims to be from the future is left out. One query.
    """
    rows = Rate.objects.filter(observed_at__lte=now)
    if policy is not None:
        newer = Rate.objects.filter(
            pair=OuterRef("pair"), observed_at__gt=OuterRef("observed_at"), observed_at__lte=now
        )
        young = Q(source=MANUAL, observed_at__gte=now - policy.max_age) | ~Q(source=MANUAL) & Q(
            observed_at__gte=target_days.oldest_within(now, policy.max_banking_days)
        )
        rows = rows.filter(young | Q(pegged=True) & ~Exists(newer))
    newest = rows.order_by("pair", "-observed_at", "-id").distinct("pair")
    return [Edge(row.base, row.quote, row.mid, row.source, row.observed_at, row.pegged) for row in newest]


def price_now(base: str, quote: str, policy: ExchangePolicy | None = None) -> Price:
    """The mid rate of a pair. Raises RateUnknown, RateTooOld."""
    now = clock.now()
    rules = policy or exchange_policy()
    found = price(base, quote, edges_at(now, rules))
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
    banking_days: int | None  # begun since its own; None for one that people set

    @property
    def source(self) -> str:
        return str(registry.label(self.edge.source))


def shown_rates(policy: ExchangePolicy) -> list[Shown]:
    """The newest rate of every pair there ever was, by currencies."""
    now = clock.now()
    found = []
    for edge in sorted(edges_at(now, None), key=lambda edge: (edge.base, edge.quote)):
        age = now - edge.observed_at
        days = None if edge.source == MANUAL else target_days.days_since(edge.observed_at, now)
        old = age > policy.max_age if days is None else days > policy.max_banking_days
        found.append(Shown(edge, age, old and not edge.pegged, days))
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
