"""Skrill's amounts: text in major units; a whole amount goes without decimals ("23", not "23.00": Quick Checkout guide).

Skrill also lists dinars and rials with three decimals; how it writes them could not be read, so they are not taken.
"""

from __future__ import annotations

from decimal import Decimal

from kernel.money import Money

CURRENCIES = frozenset(
    ["AED", "AUD", "BGN", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "ISK", "JPY", "KRW", "MAD",
     "MYR", "NOK", "NZD", "PLN", "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR"]
)  # fmt: skip


class NotExpressible(ValueError):
    """Skrill cannot be asked for this amount, or names one that we cannot keep."""


def step(currency: str) -> int:
    """Smallest step in our minor units; 0 when the currency is not taken."""
    return 1 if currency in CURRENCIES else 0


def to_wire(amount: Money) -> str:
    """ "39.60", and "23" for a whole amount. Raises NotExpressible."""
    if not step(amount.currency):
        raise NotExpressible(str(amount))
    whole = amount.amount == amount.amount.to_integral_value()
    return f"{amount.amount.to_integral_value() if whole else amount.amount:f}"


def from_wire(value: object, currency: object) -> Money:
    """Raises NotExpressible for a currency we do not carry or more decimals than it has."""
    try:
        return Money.of(Decimal(str(value)), str(currency))
    except (ValueError, ArithmeticError) as error:
        raise NotExpressible(f"{value} {currency}") from error
