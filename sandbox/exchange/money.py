"""Exact amounts: money is an integer of minor units, a price an integer of points, a volume 1/10 000 lot."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

LOT = 10_000
"""Volume units in one lot (the wire field `Volume`); `VolumeExt` is finer by another 10 000."""

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z")


def parse_decimal(text: str) -> Decimal | None:
    """The plain decimal number in `text`, or None: exponents, NaN, infinities and blanks are not amounts."""
    text = text.strip()
    if len(text) > 40 or not _DECIMAL.match(text):
        return None
    return Decimal(text)


def to_scaled(value: Decimal, digits: int) -> int:
    """`value` in units of 10^-digits, half a unit rounded away from zero (as the platform normalises
    money).
    """
    return int(value.scaleb(digits).to_integral_value(rounding=ROUND_HALF_UP))


def scaled_text(value: int, digits: int) -> str:
    """Write an integer of 10^-digits units in plain notation: `scaled_text(-5, 2) == "-0.05"`."""
    if digits == 0:
        return str(value)
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**digits)
    return f"{sign}{whole}.{fraction:0{digits}d}"


def from_scaled(value: int, digits: int) -> Decimal:
    """The Decimal behind an integer of 10^-digits units."""
    return Decimal(value).scaleb(-digits)
