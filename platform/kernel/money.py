"""Money: whole minor units of a currency, never a float, and never added across currencies.

Invariants: `Money.minor` is an int; every operation that could lose a unit names its rounding; a split returns parts
whose sum is the whole (largest remainder, ties to the lowest index).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from typing import Any

# ISO 4217 (list one, 2026-01) exponents that are not 2, and the precision at which we keep crypto assets.
# ETH is kept at 8 decimals: 18 do not fit a BIGINT (money.md, 5).
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["USDT", "USDC"], 6),
    **dict.fromkeys(["BTC", "ETH"], 8),
}
_TWO_DECIMALS = [
    "AED",
    "AMD",
    "ARS",
    "AUD",
    "AZN",
    "BGN",
    "BOB",
    "BRL",
    "BYN",
    "CAD",
    "CHF",
    "CNY",
    "COP",
    "CRC",
    "CZK",
    "DKK",
    "DOP",
    "EGP",
    "EUR",
    "GBP",
    "GEL",
    "GTQ",
    "HKD",
    "HUF",
    "IDR",
    "ILS",
    "INR",
    "KES",
    "KGS",
    "KZT",
    "MAD",
    "MDL",
    "MXN",
    "MYR",
    "NGN",
    "NOK",
    "NZD",
    "PEN",
    "PHP",
    "PKR",
    "PLN",
    "QAR",
    "RON",
    "RSD",
    "RUB",
    "SAR",
    "SEK",
    "SGD",
    "THB",
    "TJS",
    "TMT",
    "TRY",
    "TWD",
    "UAH",
    "USD",
    "UYU",
    "UZS",
    "ZAR",
]
CURRENCIES: dict[str, int] = {**dict.fromkeys(_TWO_DECIMALS, 2), **_EXPONENTS}


class CurrencyUnknown(ValueError):
    """A currency code that the platform does not carry."""


class CurrencyMismatch(ValueError):
    """Arithmetic between two currencies, which is never right without a rate."""


def minor_units(currency: str) -> int:
    """Number of decimals of a currency: 0 for JPY, 2 for EUR, 3 for KWD, 6 for USDT."""
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise CurrencyUnknown(currency) from None


_EXACT = Context(prec=60)  # one for all: entering a context of its own is most of what a conversion costs


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in whole minor units. `Money(1050, "EUR")` is ten euros fifty; `Money(1050, "KWD")` is 1.050 dinar."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        minor_units(self.currency)

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str, *, rounding: str | None = None) -> Money:
        """From major units. Without a named rounding, more decimals than the currency has are refused."""
        if isinstance(amount, float):
            raise TypeError("money never comes from a float")
        scaled = _EXACT.scaleb(Decimal(amount), minor_units(currency))
        whole = scaled.to_integral_value(rounding=rounding or ROUND_DOWN, context=_EXACT)
        if rounding is None and whole != scaled:
            raise ValueError(f"{amount} has more decimals than {currency}")
        return cls(int(whole), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @property
    def amount(self) -> Decimal:
        """In major units, exact, with all decimals of the currency: Decimal('10.50')."""
        return Decimal(self.minor).scaleb(-minor_units(self.currency))

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __mul__(self, times: int) -> Money:
        if type(times) is not int:
            raise TypeError("multiply by a rate through scaled(), which names its rounding")
        return Money(self.minor * times, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        return not self <= other

    def __ge__(self, other: Money) -> bool:
        return not self < other

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def scaled(self, factor: Decimal, *, rounding: str) -> Money:
        """The amount times a factor (a share, a fee), rounded to a whole minor unit as named."""
        with localcontext(prec=60):
            exact = Decimal(self.minor) * factor
            return Money(int(exact.to_integral_value(rounding=rounding)), self.currency)

    def converted(self, rate: Decimal, currency: str, *, rounding: str = ROUND_DOWN) -> Money:
        """At `rate` units of `currency` per unit of ours. The default floors what the client receives (money.md, 5)."""
        with localcontext(prec=60):
            exact = self.amount * rate
            scaled = exact.scaleb(minor_units(currency)).to_integral_value(rounding=rounding)
        return Money(int(scaled), currency)

    def split(self, weights: Sequence[Decimal | int]) -> list[Money]:
        """Parts in the proportion of the weights; the sum of the parts is the whole, to the unit."""
        total = sum(Decimal(weight) for weight in weights)
        if not weights or total <= 0 or any(Decimal(weight) < 0 for weight in weights):
            raise ValueError("weights are positive and not all zero")
        with localcontext(prec=60):
            exact = [Decimal(abs(self.minor)) * Decimal(weight) / total for weight in weights]
        floors = [int(part) for part in exact]
        left = abs(self.minor) - sum(floors)
        by_remainder = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
        for index in by_remainder[:left]:
            floors[index] += 1
        sign = -1 if self.minor < 0 else 1
        return [Money(sign * part, self.currency) for part in floors]

    def as_json(self) -> dict[str, Any]:
        return {"minor": self.minor, "currency": self.currency}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Money:
        return cls(int(value["minor"]), str(value["currency"]))


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Sum of amounts of one currency; zero of that currency when there are none."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result
