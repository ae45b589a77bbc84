"""Scalars of the contract as ours: decimals are strings, times are UTC to the millisecond, nothing is a float."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=StrEnum)

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,10})?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_MOST = 2**63 - 1


class Malformed(ValueError):
    """The service's message is not what the contract promises."""


def moment_text(at: datetime) -> str:
    """UTC to the millisecond, rounded down."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def moment_after(at: datetime) -> str:
    """The first whole millisecond not before `at`: the end of a window that does not contain it."""
    return moment_text(EPOCH - (EPOCH - at) // MILLISECOND * MILLISECOND)


def moment_of(text: object) -> datetime:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise Malformed("not a time")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"{text} is not a time") from error


def decimal_text(number: Decimal) -> str:
    """Plain digits, no exponent."""
    return format(number, "f")


class Record:
    """One object of a message, whose fields have to be there and of their type."""

    __slots__ = ("raw",)

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, dict):
            raise Malformed(f"an object was expected, not {type(raw).__name__}")
        self.raw: Mapping[str, Any] = raw

    def _need(self, name: str) -> Any:
        try:
            return self.raw[name]
        except KeyError as error:
            raise Malformed(f"{name} is missing") from error

    def text(self, name: str) -> str:
        value = self._need(name)
        if not isinstance(value, str):
            raise Malformed(f"{name} is not a text")
        return value

    def shown(self, name: str) -> str:
        """A text that is null where this manager may not see it."""
        return "" if self._need(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        value = self._need(name)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MOST:
            raise Malformed(f"{name} is not a whole number")
        return value

    def flag(self, name: str) -> bool:
        value = self._need(name)
        if not isinstance(value, bool):
            raise Malformed(f"{name} is neither true nor false")
        return value

    def decimal(self, name: str) -> Decimal:
        value = self._need(name)
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise Malformed(f"{name} is not a decimal")
        return Decimal(value)

    def decimal_or_none(self, name: str) -> Decimal | None:
        return None if self._need(name) is None else self.decimal(name)

    def moment(self, name: str) -> datetime:
        return moment_of(self._need(name))

    def moment_or_none(self, name: str) -> datetime | None:
        return None if self._need(name) is None else self.moment(name)

    def choice(self, name: str, kind: type[Choice], other: Choice | None = None) -> Choice:
        """A word of `kind`; one that is none is `other`, or Malformed when that is None."""
        value = self.text(name)
        try:
            return kind(value)
        except ValueError as error:
            if other is None:
                raise Malformed(f"{name} is {value}") from error
            return other

    def record(self, name: str) -> "Record":
        return Record(self._need(name))

    def records(self, name: str) -> "list[Record]":
        value = self._need(name)
        if not isinstance(value, list):
            raise Malformed(f"{name} is not a list")
        return [Record(one) for one in value]
