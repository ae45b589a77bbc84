"""When an account's margin does not carry its positions any more: the group's levels, and on which side of them it stands.

A level is a share of the margin in percent, or an amount of equity (`MarginSOMode` of a group). An alert ends only when the
account has come clearly above the level (RECOVERED) or holds nothing: one that hovers on it is one alert, not many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from kernel.money import Money

PERCENT, MONEY = "percent", "money"
RECOVERED = Decimal("1.05")
CASCADE = timedelta(minutes=1)  # a stop-out closes one position after another; deals so close belong to one


@dataclass(frozen=True, slots=True)
class Levels:
    """Of a group. None or zero is no level: such a group's accounts have no margin calls."""

    margin_call: Decimal | None = None
    stop_out: Decimal | None = None
    unit: str = PERCENT

    def value(self, *, margin_level: Decimal | None, equity: Money) -> Decimal | None:
        """What is held against the levels; None while no margin is in use."""
        if margin_level is None:
            return None
        return equity.amount if self.unit == MONEY else margin_level


def reached(value: Decimal | None, level: Decimal | None) -> bool:
    return value is not None and bool(level) and level is not None and value <= level


def recovered(value: Decimal | None, level: Decimal | None) -> bool:
    return value is None or not level or value > level * RECOVERED
