"""PayPal's amounts: text in major units (developer.paypal.com, "Currency codes").

HUF, JPY and TWD take no decimals at PayPal, although forint and Taiwan dollar have two by ISO 4217. BRL, CNY and MYR are for
accounts of their own countries only and are not offered.
"""

from __future__ import annotations

from decimal import Decimal

from kernel.money import Money, minor_units

WHOLE = frozenset({"HUF", "JPY", "TWD"})
CURRENCIES = WHOLE | frozenset(
    ["AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB",
     "USD"]
)  # fmt: skip


class NotExpressible(ValueError):
    """PayPal cannot be asked for this amount, or names one that we cannot keep."""


def step(currency: str) -> int:
    """Smallest step in our minor units; 0 when the currency is not taken."""
    if currency not in CURRENCIES:
        return 0
    return int(10 ** minor_units(currency)) if currency in WHOLE else 1


def to_wire(amount: Money) -> str:
    """ "500.00" euros, "1000" forints. Raises NotExpressible rather than round."""
    smallest = step(amount.currency)
    if not smallest or amount.minor % smallest:
        raise NotExpressible(str(amount))
    return f"{amount.amount.to_integral_value() if amount.currency in WHOLE else amount.amount:f}"


def from_wire(value: object, currency: object) -> Money:
    """Raises NotExpressible for a currency we do not carry or more decimals than it has."""
    try:
        return Money.of(Decimal(str(value)), str(currency))
    except (ValueError, ArithmeticError) as error:
        raise NotExpressible(f"{value} {currency}") from error
