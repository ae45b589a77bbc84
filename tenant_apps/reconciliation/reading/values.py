"""Numbers and moments as files write them. Strict: what could be read two ways is refused, never guessed per row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from kernel.money import CURRENCIES

_MARKS = str.maketrans(
    {"\u00a0": "", "\u202f": "", "\u2009": "", " ": "", "'": "", "’": "", "\u2212": "-", "\u200e": "", "\u200f": "",
     **{chr(0x660 + n): str(n) for n in range(10)}, **{chr(0x6F0 + n): str(n) for n in range(10)},
     "٫": ".", "٬": ","}
)  # fmt: skip
_SHAPE = {
    ".": re.compile(r"(?:\d+|\d{1,3}(?:,\d{2,3})*,\d{3})?(?:\.\d*)?\Z"),
    ",": re.compile(r"(?:\d+|\d{1,3}(?:\.\d{2,3})*\.\d{3})?(?:,\d*)?\Z"),
}
# What people and reports call zones; abbreviations are not unique in the world, these are what providers write.
_OFFSETS = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "met": 1, "mest": 2, "eet": 2,
    "eest": 3, "msk": 3, "ast": 3, "gst": 4, "ist": 5.5, "sgt": 8, "hkt": 8, "jst": 9, "aest": 10, "aedt": 11,
    "brt": -3, "art": -3, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_GMT = re.compile(r"(?:gmt|utc)?([+-])(\d{1,2})(?::?(\d{2}))?\Z")


class Unreadable(ValueError):
    """A cell that is not what its column should hold. `code` names why, for words shown to people."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def number(text: str, decimal: str) -> Decimal:
    """`1,234.50`, `(12.5)`, `12,50-` with the file's decimal mark. Raises Unreadable."""
    plain = text.strip().translate(_MARKS)
    negative = False
    if plain.startswith("(") and plain.endswith(")"):
        plain, negative = plain[1:-1], True
    if plain.endswith("-"):
        plain, negative = plain[:-1], not negative
    elif plain[:1] in "+-":
        negative ^= plain[:1] == "-"
        plain = plain[1:]
    if not plain or not any(char.isdigit() for char in plain) or not _SHAPE[decimal].match(plain) or len(plain) > 24:
        raise Unreadable("number")
    other = "," if decimal == "." else "."
    value = Decimal(plain.replace(other, "").replace(decimal, "."))
    return -value if negative else value


def decimal_of(texts: Iterable[str]) -> str:
    """The decimal mark that a file's amounts show; a dot where none tells. Raises Unreadable when they contradict."""
    seen: set[str] = set()
    for text in texts:
        plain = text.strip().translate(_MARKS).strip("()+-")
        dot, comma = plain.rfind("."), plain.rfind(",")
        if dot >= 0 and comma >= 0:
            seen.add("." if dot > comma else ",")
        elif dot >= 0 or comma >= 0:
            mark = "." if dot >= 0 else ","
            behind = len(plain) - 1 - max(dot, comma)
            if plain.count(mark) > 1:
                seen.add("," if mark == "." else ".")
            elif behind != 3 or plain.startswith(("0", mark)):
                seen.add(mark)
    if len(seen) > 1:
        raise Unreadable("decimal")
    return seen.pop() if seen else "."


def minor(value: Decimal, currency: str, *, whole: bool) -> int:
    """Minor units. `whole`: the file counts in them already. Raises Unreadable for more decimals than there are."""
    scaled = value if whole else value.scaleb(CURRENCIES[currency])
    if scaled != scaled.to_integral_value():
        raise Unreadable("decimals")
    if abs(scaled) >= 2**62:
        raise Unreadable("number")
    return int(scaled)


@cache
def zone_of(name: str) -> tzinfo:
    """An IANA name, an abbreviation or an offset. Raises Unreadable."""
    plain = name.strip()
    key = plain.casefold()
    if not key:
        return UTC
    if key in _OFFSETS:
        return timezone(timedelta(hours=_OFFSETS[key]))
    if match := _GMT.match(key):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    try:
        return ZoneInfo(plain)
    except (KeyError, ValueError, OSError):
        raise Unreadable("zone") from None


def moment(text: str, formats: tuple[str, ...], zone: tzinfo) -> datetime:
    """UTC. ISO 8601, seconds or milliseconds since 1970, or one of the formats; without an offset, in `zone`. Raises
    Unreadable."""
    plain = text.strip()
    found: datetime | None = None
    for pattern in formats:
        try:
            found = datetime.strptime(plain, pattern)  # noqa: DTZ007 - the zone is put in below
            break
        except ValueError:
            continue
    if found is None:
        try:
            if plain.isdecimal() and len(plain) in (9, 10, 12, 13):
                found = datetime.fromtimestamp(int(plain) / (1000 if len(plain) > 10 else 1), UTC)
            else:
                found = datetime.fromisoformat(plain)
        except (ValueError, OverflowError):
            raise Unreadable("date") from None
    try:
        told = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise Unreadable("date") from None
    if not 2000 <= told.year <= 2100:
        raise Unreadable("date")
    return told
