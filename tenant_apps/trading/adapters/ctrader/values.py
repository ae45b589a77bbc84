"""Scalars of the protocol as ours: money, prices, times, hashes."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SPOT_DIGITS = 5  # spot prices are whole numbers of 1/100 000
RATE_DIGITS = 10


class Malformed(ValueError):
    """The server's answer is not what the protocol promises."""


def need(message: Any, field: str) -> Any:
    """A field that has to be there. Raises Malformed."""
    if not message.HasField(field):
        raise Malformed(f"{type(message).__name__} without {field}")
    return getattr(message, field)


def password_hash(password: str) -> str:
    """What stands for a password everywhere in the protocol, so as secret as the password itself.

    The protocol demands MD5; the TLS channel, not this hash, is what protects the exchange.
    """
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def moment(milliseconds: int) -> datetime:
    """Raises Malformed for what is no time at all."""
    try:
        return EPOCH + milliseconds * MILLISECOND
    except OverflowError as error:
        raise Malformed(f"{milliseconds} is not a time") from error


def milliseconds(at: datetime) -> int:
    """Rounded down."""
    return (at - EPOCH) // MILLISECOND


def money(value: int, digits: int) -> Decimal:
    return Decimal(value).scaleb(-digits)


def exact(value: float, digits: int) -> Decimal:
    """A double as the decimal that was meant: its shortest text, rounded to the digits it can have."""
    number = Decimal(repr(value))
    if not number.is_finite():
        raise Malformed("a number that is not finite")
    return number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def spot(value: int, digits: int) -> Decimal:
    return Decimal(value).scaleb(-SPOT_DIGITS).quantize(Decimal(1).scaleb(-min(digits, SPOT_DIGITS)))


def scale_of(amount: Decimal) -> int:
    """How many decimals the amount really needs: 1.50 needs one."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
