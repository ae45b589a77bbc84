"""Amounts at Praxis: whole numbers of hundredths, but for the currencies that an account lists.

Praxis' pages say that some currencies have "a fraction other than 100" and used to name those sent unscaled (3.1:
JPY, CLP, KRW, VND, BHD, IQD, JOD, LYD, OMR, TND). Which list holds for an account only Praxis can say, so it is a
setting. A currency that has not two decimals and is not listed is refused: a guess would be wrong by a factor of ten.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kernel.money import CURRENCIES, Money, minor_units

from ...errors import AmountNotPayable

UNSCALED = "JPY CLP KRW VND BHD IQD JOD LYD OMR TND"
_CRYPTO = frozenset({"USDT", "USDC", "BTC", "ETH"})


class Units:
    """How one account's amounts are written. `listed` is the setting: "JPY BHD KWD=1000", in whole units without "="."""

    def __init__(self, listed: str) -> None:
        self._fractions: dict[str, int] = {}
        for word in (listed or UNSCALED).replace(",", " ").upper().split():
            currency, _, number = word.partition("=")
            if not number or number.isdecimal():
                self._fractions[currency] = int(number or 1)

    def fraction(self, currency: str) -> int:
        """Units in one of the currency: 100, what the account says, or 0 when nobody knows."""
        if currency not in CURRENCIES or currency in _CRYPTO:
            return 0
        return self._fractions.get(currency, 100 if minor_units(currency) == 2 else 0)

    def step(self, currency: str) -> int:
        """Smallest amount that can be sent, in our minor units; 0 when the currency cannot be."""
        units = self.fraction(currency)
        ours: int = 10 ** minor_units(currency) if units else 0
        if not units or (ours % units and units % ours):
            return 0
        return max(1, ours // units)

    def to_wire(self, amount: Money) -> int:
        """Raises AmountNotPayable rather than round."""
        step = self.step(amount.currency)
        if not step or amount.minor % step:
            raise AmountNotPayable(field="amount")
        return int(amount.amount * self.fraction(amount.currency))

    def from_wire(self, value: Any, currency: Any) -> Money:
        """Raises ValueError for a currency without a known unit, or a fraction of ours."""
        code = str(currency).upper()
        units = self.fraction(code)
        if not units:
            raise ValueError(f"the unit of {code} is not known")
        return Money.of(Decimal(str(value)) / units, code)
