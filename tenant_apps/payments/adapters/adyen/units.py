"""Adyen's minor units (docs.adyen.com/development-resources/currency-codes). Not always ISO 4217's.

"For CLP, CVE, IDR and ISK the standard has a different number of decimals": CLP and ISK are sent with two, CVE and IDR with
none. Currencies of ours that Adyen's own list does not show, or whose decimals could not be read there, are not taken.
"""

from __future__ import annotations

from kernel.money import CURRENCIES, Money, minor_units

ZERO_DECIMAL = frozenset(
    ["CVE", "DJF", "GNF", "IDR", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "LYD", "OMR", "TND"])
NOT_TAKEN = frozenset(["BIF", "IQD", "UYI", "RUB", "TMT", "TJS", "USDT", "USDC", "BTC", "ETH"])


class NotExpressible(ValueError):
    """Adyen cannot be asked for this amount, or names one that we cannot keep."""


def exponent(currency: str) -> int:
    """Decimals on Adyen's wire."""
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
    return int(10 ** max(0, minor_units(currency) - wire))


def to_wire(amount: Money) -> dict[str, object]:
    """Adyen's amount object. Raises NotExpressible rather than round."""
    shift = exponent(amount.currency) - minor_units(amount.currency)
    if amount.minor % step(amount.currency):
        raise NotExpressible(str(amount))
    value = amount.minor * 10**shift if shift >= 0 else amount.minor // 10**-shift
    return {"currency": amount.currency, "value": value}


def from_wire(value: int, currency: str) -> Money:
    """Our money. Raises NotExpressible for a currency we do not carry and for a fraction of our smallest unit."""
    shift = exponent(currency) - minor_units(currency)
    if shift > 0 and value % 10**shift:
        raise NotExpressible(f"{value} {currency}")
    return Money(value // 10**shift if shift >= 0 else value * 10**-shift, currency)
