from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import CURRENCIES, CurrencyMismatch, Money, minor_units

amounts = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("10.50", "EUR", 1050), ("1000", "JPY", 1000), ("1.050", "KWD", 1050), ("0.000001", "USDT", 1)],
)
def test_minor_units_follow_the_currency(text: str, currency: str, minor: int) -> None:
    money = Money.of(text, currency)
    assert (money.minor, str(money.amount)) == (minor, text)


def test_what_cannot_be_exact_is_refused() -> None:
    for wrong in (lambda: Money.of("0.001", "EUR"), lambda: Money.of("1.5", "JPY")):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(TypeError):
        Money.of(0.1, "EUR")  # type: ignore[arg-type]
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


@given(amounts, st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_a_split_loses_nothing(minor: int, weights: list[int]) -> None:
    parts = Money(minor, "EUR").split(weights)
    assert sum(part.minor for part in parts) == minor
    assert all(part.minor * minor >= 0 for part in parts)


@pytest.mark.parametrize(
    ("minor", "currency", "weights", "parts"),
    [
        (100, "EUR", [1, 1, 1], [34, 33, 33]),
        (1000, "JPY", [1] * 7, [143] * 6 + [142]),
        (5, "EUR", [70, 20, 10], [4, 1, 0]),
    ],
)
def test_split_vectors(minor: int, currency: str, weights: list[int], parts: list[int]) -> None:
    """money.md W26."""
    assert [part.minor for part in Money(minor, currency).split(weights)] == parts


@given(st.integers(1, 399))
def test_exchange_there_and_back_never_gains(yen: int) -> None:
    """money.md W27: flooring what the client receives, at 149.85 JPY/USD."""
    rate = Decimal("149.85")
    back = Money(yen, "JPY").converted(1 / rate, "USD").converted(rate, "JPY")
    assert back.minor <= yen


def test_conversion_vectors() -> None:
    """money.md W27, W29."""
    assert Money(10_000, "USD").converted(Decimal("149.85"), "JPY") == Money(14_985, "JPY")
    assert Money(735, "USD").converted(Decimal("0.3072"), "KWD") == Money(2257, "KWD")
    assert Money(12_345, "USD").converted(1 / Decimal("1.0835"), "EUR") == Money(11_393, "EUR")
    assert Money(50, "EUR").scaled(Decimal("0.05"), rounding=ROUND_HALF_EVEN) == Money(2, "EUR")


@given(amounts, st.sampled_from(sorted(CURRENCIES)))
def test_major_and_minor_agree(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.of(money.amount, currency) == money
    assert Money.from_json(money.as_json()) == money
    assert -money.amount.as_tuple().exponent == minor_units(currency)  # type: ignore[operator]
