"""Tap's amounts: major units as a JSON number with the currency's decimals; in the signature as text with all of them.

Three decimals for the dinars of Kuwait, Bahrain and Jordan and the rial of Oman ("1.500"), two for the rest
(developers.tap.company/docs/webhook).
"""

from __future__ import annotations

from decimal import Decimal

from kernel.money import Money

from ...errors import AmountNotPayable

DECIMALS = {
    "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3,
    "AED": 2, "SAR": 2, "QAR": 2, "EGP": 2, "USD": 2, "EUR": 2, "GBP": 2,
}  # fmt: skip
LARGEST = 10**15  # minor units; below that the shortest repr of a float is the decimal


def to_wire(amount: Money) -> float:
    """A JSON number. Raises AmountNotPayable for a currency Tap does not take."""
    if amount.currency not in DECIMALS or not 0 < amount.minor < LARGEST:
        raise AmountNotPayable(field="amount")
    return float(amount.amount)


def from_wire(value: object, currency: object) -> Money:
    """Raises ValueError for more decimals than the currency has, CurrencyUnknown for one that we do not carry."""
    return Money.of(Decimal(str(value)), str(currency).upper())


def printed(value: object, currency: str) -> str:
    """As the signature has it: "1.500" for KWD 1.5, whatever the JSON said. Raises ValueError when it is no number."""
    try:
        return f"{Decimal(str(value)):.{DECIMALS.get(currency, 2)}f}"
    except ArithmeticError as error:
        raise ValueError(str(value)) from error
