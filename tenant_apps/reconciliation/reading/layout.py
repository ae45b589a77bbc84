"""How a file is laid out: which columns hold what, how numbers and dates are written. Data, saved as JSON per account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# What a column may hold. Several columns: `fee` is their sum, `at` is joined (date, time), the rest takes the first filled.
FIELDS = (
    "line", "reference", "own", "amount", "credit", "debit", "currency", "fee", "fee_currency", "at", "zone", "kind",
    "status", "text",
)  # fmt: skip
MANDATORY = ("at", "currency")
DECIMALS = ("auto", ".", ",")
DELIMITERS = ("", ",", ";", "\t", "|")
ENCODINGS = ("", "utf-8", "utf-16", "cp1252", "cp1251", "cp1256", "iso8859-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`columns`: field → names, each the first of its alternatives found in the header (`a|b`).

    `kinds`: the provider's words (lower case) → LineKind; `default_kind` for words not listed, empty refuses the row.
    `ignored`: words whose rows move no money; `taken`: the only states of rows that count, empty takes all.
    `signed`: amounts carry their sign; otherwise the kind says which way the money went.
    `fee_sign` −1 where the file writes a fee as a negative amount. `minor`: amounts are whole minor units.
    """

    columns: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, str] = field(default_factory=dict)
    default_kind: str = ""
    ignored: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    signed: bool = True
    fee_sign: int = 1
    minor: bool = False
    currency: str = ""  # where no column tells it
    decimal: str = "auto"
    dates: tuple[str, ...] = ()
    zone: str = "UTC"
    encoding: str = ""
    delimiter: str = ""
    identity: tuple[str, ...] = ()  # columns that together name a row once and for all

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Layout:
        """Raises ValueError or TypeError for what no form of ours has written."""
        plain = dict(value)
        columns = {str(name): tuple(map(str, names)) for name, names in dict(plain.pop("columns", {})).items()}
        for name in ("ignored", "taken", "dates", "identity"):
            plain[name] = tuple(map(str, plain.get(name, ())))
        return cls(columns=columns, **plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A provider's own file. `signature`: names that a header has to have to be this file."""

    code: str
    label: str
    signature: tuple[str, ...]
    layout: Layout
    verified: bool  # whether the columns stand in the provider's public documentation


def fitting(header: list[str], formats: list[Format]) -> Format | None:
    """The format whose signature a header bears; the one that names most columns, if several do."""
    names = {name.casefold() for name in header}
    found = [item for item in formats if all(name.casefold() in names for name in item.signature)]
    return max(found, key=lambda item: len(item.signature), default=None)
