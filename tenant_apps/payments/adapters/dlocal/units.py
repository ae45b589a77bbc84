"""dLocal's amounts: major units as a JSON number, with the decimals of docs.dlocal.com/reference/country-reference.

Chile, Colombia and Paraguay take whole amounts only. For Colombia that is not ISO 4217's exponent: we keep two decimals of
the peso, dLocal none, so the smallest step is a hundred of our units.
"""

from __future__ import annotations

from decimal import Decimal

from kernel.money import Money, minor_units

from ...errors import AmountNotPayable

DECIMALS = {
    "ARS": 2, "BOB": 2, "BRL": 2, "CLP": 0, "COP": 0, "CRC": 2, "DOP": 2, "GTQ": 2, "MXN": 2, "PEN": 2, "PYG": 0,
    "USD": 2, "UYU": 2,
}  # fmt: skip
LARGEST = 10**15  # minor units; below that the shortest repr of a float is the decimal


def step(currency: str) -> int:
    """Smallest step in our minor units; 0 when dLocal does not take the currency."""
    if currency not in DECIMALS:
        return 0
    spare: int = minor_units(currency) - DECIMALS[currency]
    return int(10**spare)


def to_wire(amount: Money) -> float | int:
    """A JSON number. Raises AmountNotPayable rather than round."""
    smallest = step(amount.currency)
    if not smallest or amount.minor % smallest or not 0 < amount.minor < LARGEST:
        raise AmountNotPayable(field="amount")
    if DECIMALS[amount.currency] == 0:
        return amount.minor // smallest
    return float(amount.amount)


def from_wire(value: object, currency: object) -> Money:
    """Raises ValueError for more decimals than the currency has, CurrencyUnknown for one that we do not carry."""
    return Money.of(Decimal(str(value)), str(currency).upper())
