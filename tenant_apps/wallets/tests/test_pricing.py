"""Cross rates exactly, and no way round that gains (money.md, 5 and W26–W29)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.money import CURRENCIES, Money, minor_units
from tenant_apps.wallets.pricing import Edge, needed, price, received, worth

NOON = datetime(2026, 4, 13, 12, 15, tzinfo=UTC)


def edge(base: str, quote: str, mid: str, **values: object) -> Edge:
    return Edge(base, quote, Decimal(mid), "ecb", NOON, **values)  # type: ignore[arg-type]


ECB = [edge("EUR", "USD", "1.0835"), edge("EUR", "JPY", "162.34")]


def test_a_cross_rate_keeps_full_precision() -> None:
    """W28: EURUSD 1.0835, EURJPY 162.34."""
    found = price("USD", "JPY", ECB)
    assert found is not None
    exact = Fraction("162.34") / Fraction("1.0835")
    assert round(found.mid, 6) == Decimal("149.829257")
    assert 0 <= exact - Fraction(found.mid) < Fraction(1, 10**24)
    assert found.path == ("USD", "EUR", "JPY")


def test_the_vectors() -> None:
    """W27 and W29: what the client gets is floored in the currency's own decimals."""
    assert received(Money.of("100", "USD"), Decimal("149.85"), "JPY") == Money(14_985, "JPY")
    dollars = received(Money(251, "JPY"), 1 / Decimal("149.85"), "USD")
    assert received(dollars, Decimal("149.85"), "JPY").minor <= 251
    euros = price("USD", "EUR", ECB)
    assert euros is not None
    assert received(Money.of("123.45", "USD"), euros.mid, "EUR") == Money(11_393, "EUR")
    assert received(Money.of("7.35", "USD"), Decimal("0.3072"), "KWD") == Money(2_257, "KWD")


def test_a_direct_rate_is_taken_before_a_way_round_and_the_age_is_the_oldest_parts() -> None:
    old = Edge("USD", "AED", Decimal("3.6725"), "manual", NOON - timedelta(days=900), pegged=True)
    stale = Edge("EUR", "USD", Decimal("1.08"), "ecb", NOON - timedelta(days=3))
    found = price("AED", "JPY", [old, stale, ECB[1]])
    assert found is not None
    assert (found.path, found.source) == (("AED", "USD", "EUR", "JPY"), "ecb+manual")
    assert found.observed_at == NOON - timedelta(days=3)
    direct = price("USD", "JPY", [*ECB, edge("JPY", "USD", "0.007")])
    assert direct is not None
    assert direct.path == ("USD", "JPY")
    assert price("USD", "KWD", ECB) is None
    assert price("USD", "USD", ECB) is None


codes = st.sampled_from(sorted(CURRENCIES))
mids = st.decimals("0.00000001", "20000000", places=8).filter(lambda mid: mid > 0)


@settings(max_examples=400, deadline=None, database=None)
@given(st.integers(1, 10**12), codes, codes, codes, mids, mids, st.integers(0, 300))
def test_no_round_trip_gains(minor: int, one: str, two: str, three: str, ab: Decimal, bc: Decimal, bps: int) -> None:
    """There and back, and once round the corner, at any rate and mark-up: never a unit more than at the start."""
    if len({one, two, three}) < 3:
        return
    edges = [Edge(one, two, ab, "ecb", NOON), Edge(two, three, bc, "ecb", NOON)]
    for way in ([one, two, one], [one, two, three, one], [one, three, two, one]):
        money = Money(minor, one)
        for target in way[1:]:
            found = price(money.currency, target, edges)
            assert found is not None
            money = received(money, found.applied(bps), target)
        assert money.minor <= minor


@settings(max_examples=300, deadline=None, database=None)
@given(st.integers(1, 10**10), codes, codes, mids, st.integers(0, 500))
def test_an_amount_wanted_costs_the_least_that_brings_it(minor: int, a: str, b: str, mid: Decimal, bps: int) -> None:
    if a == b:
        return
    found = price(a, b, [Edge(a, b, mid, "ecb", NOON)])
    assert found is not None
    applied, get = found.applied(bps), Money(minor, b)
    if not applied:
        return
    cost = needed(get, applied, a)
    assert received(cost, applied, b) >= get
    if cost.minor > 1:
        assert received(Money(cost.minor - 1, a), applied, b) < get


@settings(max_examples=300, deadline=None, database=None)
@given(st.integers(1, 10**12), codes, codes, mids, st.integers(0, 500))
def test_the_house_never_pays_for_an_exchange(minor: int, a: str, b: str, mid: Decimal, bps: int) -> None:
    if a == b:
        return
    found = price(a, b, [Edge(a, b, mid, "ecb", NOON)])
    assert found is not None
    give = Money(minor, a)
    income = worth(give, found.mid, b) - received(give, found.applied(bps), b)
    assert income.minor >= 0
    share = Fraction(minor, 10 ** minor_units(a)) * Fraction(mid) * bps / 10_000 * 10 ** minor_units(b)
    assert abs(income.minor - share) <= 2
