"""The mapping wizard: what the columns of a file that nobody knows mean, from a form's parameters to a Layout.

The form is a GET: its address is its state, so it can be reloaded, read in another language, and handed to a colleague.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.http import QueryDict
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES

from ..kinds import LineKind
from ..reading.layout import DECIMALS, DELIMITERS, ENCODINGS, Layout
from ..reading.rows import NotReadable, lines_of
from ..words import FIELD_WORDS

IGNORE = "ignore"
MOST_WORDS = 40
COLUMNS = (
    "at",
    "at2",
    "zone",
    "amount",
    "credit",
    "debit",
    "currency",
    "fee",
    "fee2",
    "reference",
    "own",
    "kind",
    "line",
    "text",
)
DATES = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y", "%d-%m-%Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%d %b %Y",
    "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%d",
)  # fmt: skip
# What headers call these things, whole or as a part of the name; the first that fits is suggested.
GUESSES: dict[str, tuple[str, ...]] = {
    "at": ("created", "date", "datum", "time", "zeit", "fecha", "дата", "تاريخ"),
    "amount": ("gross", "amount", "betrag", "importe", "monto", "сумма", "مبلغ", "brutto"),
    "credit": ("credit", "haben"), "debit": ("debit", "soll"),
    "currency": ("currency", "währung", "moneda", "валюта", "عملة", "ccy"),
    "fee": ("fee", "commission", "gebühr", "comisión", "комиссия", "رسوم"),
    "reference": ("transaction", "reference", "payment id", "psp", "referenz", "транзакц"),
    "own": ("order", "merchant", "invoice", "cart", "external", "custom", "bestell", "заказ"),
    "kind": ("type", "kind", "category", "typ", "tipo", "тип", "نوع"),
}  # fmt: skip
KIND_GUESSES: tuple[tuple[str, str], ...] = (
    ("chargeback rev", LineKind.REINSTATED), ("chargeback", LineKind.CHARGEBACK), ("dispute", LineKind.CHARGEBACK),
    ("refund", LineKind.REFUND), ("erstattung", LineKind.REFUND), ("fee", LineKind.FEE), ("gebühr", LineKind.FEE),
    ("payout", LineKind.PAYOUT), ("settlement", LineKind.PAYOUT), ("withdraw", LineKind.PAYOUT),
    ("auszahlung", LineKind.PAYOUT), ("charge", LineKind.CHARGE), ("sale", LineKind.CHARGE), ("pay", LineKind.CHARGE),
    ("zahlung", LineKind.CHARGE),
)  # fmt: skip
DELIMITER_WORDS = {
    "": pgettext_lazy("report mapping", "Found out"), ",": pgettext_lazy("report mapping", "Comma"),
    ";": pgettext_lazy("report mapping", "Semicolon"), "\t": pgettext_lazy("report mapping", "Tab"),
    "|": pgettext_lazy("report mapping", "Bar"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapping:
    """The form's values as strings, guessed where nothing was chosen yet."""

    chosen: dict[str, str]
    words: list[tuple[str, str]]  # (word in the file, kind or "ignore" or "")

    def layout(self) -> Layout:
        get = self.chosen.get
        pairs = [(word, kind) for word, kind in self.words if kind]
        return Layout(
            columns={
                name: names
                for name, names in (
                    ("at", _names(get("at", ""), get("at2", ""))), ("fee", _names(get("fee", ""), get("fee2", ""))),
                    *((field, _names(get(field, ""))) for field in COLUMNS if field not in ("at", "at2", "fee", "fee2")),
                )
                if names
            },
            kinds={word: kind for word, kind in pairs if kind != IGNORE},
            ignored=tuple(word for word, kind in pairs if kind == IGNORE),
            default_kind="" if get("kind") else (get("default") or LineKind.CHARGE),
            signed=get("signed") != "no",
            fee_sign=-1 if get("fee_sign") == "-1" else 1,
            minor=get("minor") == "yes",
            currency=get("fixed", ""),
            decimal=get("decimal") or "auto",
            dates=_names(get("date", "")),
            zone=get("zone_name") or "UTC",
            encoding=get("encoding", ""),
            delimiter=get("delimiter", ""),
            identity=_names(get("line", "")),
        )  # fmt: skip


def _names(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name)


def mapping_from(query: QueryDict, header: list[str], data: bytes, before: Layout | None) -> Mapping:
    """What the form says; for a form nobody has filled yet, what was saved before, else a guess."""
    chosen: dict[str, str]
    if "at" in query or "amount" in query or "credit" in query:
        chosen = {name: query.get(name, "") for name in (*COLUMNS, *_PLAIN)}
    else:
        chosen = _of_layout(before) if before else _guess(header)
    chosen = {name: value for name, value in chosen.items() if _allowed(name, value, header)}
    chosen["encoding"] = query.get("encoding", chosen.get("encoding", ""))
    chosen["delimiter"] = query.get("delimiter", chosen.get("delimiter", ""))
    known = dict(zip(query.getlist("w"), query.getlist("k"), strict=False))
    if before and not known:
        known = {**dict.fromkeys(before.ignored, IGNORE), **before.kinds}
    allowed = {*LineKind.values, IGNORE}
    words = [
        (word, kind if (kind := known.get(word, _guess_kind(word) if word not in known else "")) in allowed else "")
        for word in _words(data, header, chosen)
    ]
    return Mapping(chosen, words)


_PLAIN = ("default", "signed", "fee_sign", "minor", "fixed", "decimal", "date", "zone_name")


def _allowed(name: str, value: str, header: list[str]) -> bool:
    if not value:
        return False
    if name in COLUMNS:
        return value in header
    limits: dict[str, Iterable[str]] = {
        "encoding": ENCODINGS, "delimiter": DELIMITERS, "decimal": DECIMALS, "fixed": CURRENCIES,
        "default": LineKind.values, "date": DATES,
    }  # fmt: skip
    return value in limits.get(name, (value,)) and len(value) < 80


def _of_layout(layout: Layout) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, names in layout.columns.items():
        for field, value in zip((name, f"{name}2"), names, strict=False):
            told[field] = value
    return {
        **told, "signed": "" if layout.signed else "no", "fee_sign": str(layout.fee_sign), "fixed": layout.currency,
        "minor": "yes" if layout.minor else "", "decimal": layout.decimal, "zone_name": layout.zone,
        "date": next(iter(layout.dates), ""), "default": layout.default_kind, "encoding": layout.encoding,
        "delimiter": layout.delimiter,
    }  # fmt: skip


def _guess(header: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, parts in GUESSES.items():
        for part in parts:
            name = next((one for one in header if part in one.casefold() and one not in found.values()), "")
            if name:
                found[field] = name
                break
    if "amount" in found:
        found.pop("credit", None)
        found.pop("debit", None)
    return found


def _guess_kind(word: str) -> str:
    return next((str(kind) for part, kind in KIND_GUESSES if part in word.casefold()), "")


def _words(data: bytes, header: list[str], chosen: dict[str, str]) -> list[str]:
    """The different words in the column of kinds."""
    if not chosen.get("kind"):
        return []
    place = header.index(chosen["kind"])
    found: dict[str, None] = {}
    try:
        lines = lines_of(data, encoding=chosen["encoding"], delimiter=chosen["delimiter"])
        for _, cells in islice(lines, 200_000):
            if cells != header and place < len(cells) and cells[place]:
                found.setdefault(cells[place].casefold())
                if len(found) >= MOST_WORDS:
                    break
    except NotReadable:
        return []
    return sorted(found)


def form_context(mapping: Mapping, header: list[str]) -> dict[str, Any]:
    """What the form draws."""
    names = {
        **FIELD_WORDS, "at2": pgettext_lazy("report column", "Time, if apart from the date"),
        "fee2": pgettext_lazy("report column", "Another fee"),
    }  # fmt: skip
    return {
        "columns": [(field, names[field], mapping.chosen.get(field, "")) for field in COLUMNS],
        "header": [(name, name) for name in dict.fromkeys(header) if name],
        "words": mapping.words,
        "kinds": [*LineKind.choices, (IGNORE, pgettext_lazy("report mapping", "Leave out"))],
        "chosen": mapping.chosen,
        "decimals": [
            ("auto", pgettext_lazy("report mapping", "Found out")), (".", "1,234.50"), (",", "1.234,50"),
        ],
        "delimiters": list(DELIMITER_WORDS.items()),
        "encodings": [(name, name.upper() or pgettext_lazy("report mapping", "Found out")) for name in ENCODINGS],
        "dates": [(one, _example(one)) for one in DATES],
        "currencies": [(code, code) for code in sorted(CURRENCIES)],
        "signs": [
            ("", pgettext_lazy("report mapping", "Amounts out carry a minus")),
            ("no", pgettext_lazy("report mapping", "The kind of row says which way the money went")),
        ],
        "fee_signs": [
            ("1", pgettext_lazy("report mapping", "A fee is written as a positive amount")),
            ("-1", pgettext_lazy("report mapping", "A fee is written as a negative amount")),
        ],
        "units": [
            ("", pgettext_lazy("report mapping", "Amounts are in whole currency: 12.50")),
            ("yes", pgettext_lazy("report mapping", "Amounts are in the smallest unit: 1250")),
        ],
    }  # fmt: skip


def _example(pattern: str) -> str:
    for part, text in (("%d", "31"), ("%m", "12"), ("%Y", "2026"), ("%H", "18"), ("%I", "06"), ("%M", "45"), ("%S", "30"),
                       ("%p", "PM"), ("%b", "Dec")):  # fmt: skip
        pattern = pattern.replace(part, text)
    return pattern
