"""Scalars of the protocol: all arrive as JSON strings and leave as text in a query."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

VOLUME_SCALE = Decimal(10_000)  # Volume: lots x 10 000
VOLUME_EXT_SCALE = Decimal(100_000_000)  # VolumeExt: lots x 10^8


class Malformed(ValueError):
    """The server's answer is not what the protocol promises."""


class Record:
    """One JSON object of an answer; keys in any case, for the vendor's own spelling varies between calls."""

    __slots__ = ("_fields", "raw")

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise Malformed(f"an object was expected, not {type(raw).__name__}")
        self.raw: dict[str, Any] = dict(raw)
        self._fields = {str(key).casefold(): value for key, value in raw.items()}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._fields

    def get(self, name: str) -> Any:
        return self._fields.get(name.casefold())

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name)
        return default if value is None else str(value)

    def decimal(self, name: str, default: Decimal | None = Decimal(0)) -> Decimal:
        """Exact; a missing or empty field is `default`, or Malformed when that is None."""
        value = self.get(name)
        if value is None or value == "":
            if default is None:
                raise Malformed(f"{name} is missing")
            return default
        try:
            number = Decimal(str(value))
        except InvalidOperation as error:
            raise Malformed(f"{name} is not a number") from error
        if not number.is_finite():
            raise Malformed(f"{name} is not finite")
        return number

    def integer(self, name: str, default: int | None = 0) -> int:
        number = self.decimal(name, None if default is None else Decimal(default))
        if number != number.to_integral_value():
            raise Malformed(f"{name} is not a whole number")
        return int(number)

    def lots(self, name: str) -> Decimal:
        """Lots out of `<name>Ext` where the build has it (finer), else out of `<name>`."""
        finer = self.decimal(f"{name}Ext")
        return finer / VOLUME_EXT_SCALE if finer else self.decimal(name) / VOLUME_SCALE

    def positive(self, name: str) -> Decimal | None:
        """None for zero, which is how the server writes "not set" or "not recorded"."""
        return self.decimal(name) or None


def amount_text(amount: Decimal) -> str:
    """Plain digits, no exponent."""
    return format(amount, "f")


def scale_of(amount: Decimal) -> int:
    """How many decimals the amount really needs: 1.50 needs one."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
