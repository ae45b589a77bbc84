"""Stripe's smallest units (docs.stripe.com/currencies). Not always ISO 4217's.

Zero-decimal currencies are sent whole. ISK and UGX have no decimals but are sent times 100, for compatibility. For
three-decimal currencies the last digit must be 0.
"""

from __future__ import annotations

from kernel.money import CURRENCIES, Money, minor_units

ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
SENT_TIMES_100 = frozenset({"ISK", "UGX"})
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
NOT_TAKEN = frozenset(["IQD", "LYD", "IRR", "TMT", "UYI", "USDT", "USDC", "BTC", "ETH"])


class NotExpressible(ValueError):
    """Stripe cannot be asked for this amount."""


def exponent(currency: str) -> int:
    """Decimals on Stripe's wire."""
    if currency in NOT_TAKEN or currency not in CURRENCIES:
        raise NotExpressible(currency)
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """Smallest step in our minor units; 0 when the currency is not taken."""
    try:
        wire = exponent(currency)
    except NotExpressible:
        return 0
    return 10 if wire == 3 else 10 ** max(0, minor_units(currency) - wire)


def to_wire(amount: Money) -> int:
    """Our minor units in Stripe's. Raises NotExpressible rather than round."""
    shift = exponent(amount.currency) - minor_units(amount.currency)
    if amount.minor % step(amount.currency):
        raise NotExpressible(str(amount))
    return amount.minor * 10**shift if shift >= 0 else amount.minor // 10**-shift


def from_wire(units: int, currency: str) -> Money:
    code = currency.upper()
    shift = exponent(code) - minor_units(code)
    if shift > 0 and units % 10**shift:
        raise NotExpressible(f"{units} {code}")
    return Money(units // 10**shift if shift >= 0 else units * 10**-shift, code)
