"""A file as rows: decoded, split, each row checked. Streamed: memory grows with the identities, not with the text.

Invariants. A row is read whole or is an error with its number and column. Two rows of the same identity are one fact: the
second is left out when it says the same, and is an error when it does not. Rows that nothing identifies are told apart by
their place among equal ones, so that two equal fees of a day stay two and the same file read twice stays one.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.money import CURRENCIES
from tenant_apps.reconciliation.kinds import LEAVING, LineKind

from .layout import Layout
from .values import Unreadable, decimal_of, minor, moment, number, zone_of

LOOK = 20  # lines in which a header is looked for
SAMPLE = 2000  # rows that tell a file's decimal mark
MOST = 500_000
csv.field_size_limit(64 * 1024)


class NotReadable(ValueError):
    """No file of this layout: wrong encoding, no header, a column missing. `code` and `data` make the words."""

    def __init__(self, code: str, **data: str) -> None:
        super().__init__(code)
        self.code, self.data = code, data


@dataclass(frozen=True, slots=True)
class Row:
    """One line as we store it. Amounts in minor units; `amount` positive where our balance there grew; `fee` is a cost."""

    number: int
    key: str
    digest: str
    kind: str
    reference: str
    references: tuple[str, ...]
    own: str
    amount: int
    currency: str
    fee: int
    fee_currency: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row cannot be read: `code` for words, `column` as the file names it, `value` cut short."""

    number: int
    code: str
    column: str = ""
    value: str = ""


def text_of(data: bytes, encoding: str = "") -> io.TextIOBase:
    """The file as text. Without a named encoding: its mark, UTF-8, else Windows-1252. Raises NotReadable."""
    chosen = encoding
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        chosen = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        chosen = "utf-8-sig"
    elif not chosen:
        try:
            data.decode("utf-8")
            chosen = "utf-8"
        except UnicodeDecodeError:
            chosen = "cp1252"
    if b"\x00" in data[:4096] and not chosen.startswith("utf-16"):
        raise NotReadable("binary")
    return io.TextIOWrapper(io.BytesIO(data), encoding=chosen, newline="", errors="strict")


def delimiter_of(line: str) -> str:
    """The separator that occurs most often outside quotes."""
    bare = "".join(part for index, part in enumerate(line.split('"')) if index % 2 == 0)
    return max((",", ";", "\t", "|"), key=bare.count)


def lines_of(data: bytes, *, encoding: str = "", delimiter: str = "") -> Iterator[tuple[int, list[str]]]:
    """`(number, cells)` of every line that is not empty, cells stripped. Raises NotReadable."""
    stream = text_of(data, encoding)
    try:
        if not delimiter:
            head = "".join(itertools.islice(stream, LOOK))
            stream.seek(0)
            delimiter = delimiter_of(head)
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        for cells in reader:
            plain = [cell.replace("\x00", "").strip() for cell in cells]
            if any(plain):
                yield reader.line_num, plain
    except UnicodeDecodeError:
        raise NotReadable("encoding") from None
    except csv.Error as error:
        raise NotReadable("csv", why=str(error)) from None


def header_of(data: bytes, wanted: list[str] | None = None, *, encoding: str = "", delimiter: str = "") -> list[str]:
    """The header: the first line that has all `wanted` names, else the first with the most cells. Raises NotReadable."""
    found: list[str] = []
    for _, cells in itertools.islice(lines_of(data, encoding=encoding, delimiter=delimiter), LOOK):
        if wanted and {name.casefold() for name in wanted} <= {cell.casefold() for cell in cells}:
            return cells
        if sum(map(bool, cells)) > sum(map(bool, found)):
            found = cells
    if len([cell for cell in found if cell]) < 2:
        raise NotReadable("header")
    return found


class _Columns:
    """Where the layout's columns stand in this file."""

    def __init__(self, layout: Layout, header: list[str]) -> None:
        places = {name.casefold(): index for index, name in reversed(list(enumerate(header)))}
        self.names = header
        self.of = {field: self._found(names, places) for field, names in layout.columns.items()}
        self.identity = self._found(layout.identity, places)
        missing = [field for field in ("at",) if not self.of.get(field)]
        if not self.of.get("currency") and not layout.currency:
            missing.append("currency")
        if not any(self.of.get(field) for field in ("amount", "credit", "debit")):
            missing.append("amount")
        if missing:
            raise NotReadable("columns", columns=", ".join(missing))

    @staticmethod
    def _found(names: tuple[str, ...], places: dict[str, int]) -> tuple[int, ...]:
        found = []
        for name in names:
            whole = places.get(name.casefold())
            alternatives = (places[one.casefold()] for one in name.split("|") if one.casefold() in places)
            place = whole if whole is not None else next(alternatives, None)
            if place is not None:
                found.append(place)
        return tuple(found)

    def cells(self, field: str, line: list[str]) -> list[str]:
        """What is filled in the field's columns."""
        return [line[place] for place in self.of.get(field, ()) if place < len(line) and line[place]]

    def first(self, field: str, line: list[str]) -> str:
        return next(iter(self.cells(field, line)), "")

    def name(self, field: str) -> str:
        places = self.of.get(field, ())
        return self.names[places[0]] if places else field


def read(data: bytes, layout: Layout) -> Iterator[Row | RowError]:
    """Every row of the file, in order. Raises NotReadable for a file that is not of this layout."""
    wanted = [name for names in (layout.columns.get("at", ()), layout.columns.get("currency", ())) for name in names]
    simple = [name for name in wanted if "|" not in name]
    header = header_of(data, simple, encoding=layout.encoding, delimiter=layout.delimiter)
    columns = _Columns(layout, header)
    lines = itertools.dropwhile(
        lambda item: item[1] != header, lines_of(data, encoding=layout.encoding, delimiter=layout.delimiter)
    )
    next(lines, None)
    return _Reader(layout, columns).rows(lines)


class _Reader:
    def __init__(self, layout: Layout, columns: _Columns) -> None:
        self.layout, self.columns = layout, columns
        self.decimal = layout.decimal
        self.kinds = {word.casefold(): kind for word, kind in layout.kinds.items()}
        self.ignored = {word.casefold() for word in layout.ignored}
        self.taken = {word.casefold() for word in layout.taken}
        self.seen: dict[str, str] = {}
        self.alike: dict[str, int] = {}

    def rows(self, lines: Iterator[tuple[int, list[str]]]) -> Iterator[Row | RowError]:
        if self.decimal == "auto":
            sample = list(itertools.islice(lines, SAMPLE))
            texts = (
                cell for _, line in sample for field in ("amount", "credit", "debit", "fee")
                for cell in self.columns.cells(field, line)
            )  # fmt: skip
            try:
                self.decimal = decimal_of(texts)
            except Unreadable:
                raise NotReadable("decimal") from None
            lines = itertools.chain(sample, lines)
        for count, (place, line) in enumerate(lines):
            if count >= MOST:
                raise NotReadable("long")
            if (found := self._row(place, line)) is not None:
                yield found

    def _row(self, place: int, line: list[str]) -> Row | RowError | None:
        """None for a row that moves no money, or repeats one of this file."""
        word = self.columns.first("kind", line).casefold()
        state = self.columns.first("status", line).casefold()
        if word in self.ignored or (self.taken and self.columns.of.get("status") and state not in self.taken):
            return None
        kind = self.kinds.get(word, self.layout.default_kind)
        if not kind:
            return RowError(place, "kind", self.columns.name("kind"), word[:60])
        try:
            values = self._values(kind, line)
        except _Cell as error:
            return RowError(place, error.code, self.columns.name(error.field), error.value[:60])
        return self._once(place, line, values)

    def _values(self, kind: str, line: list[str]) -> dict[str, Any]:
        currency = self._currency("currency", line, self.layout.currency)
        fee_currency = self._currency("fee_currency", line, currency)
        amount = self._amount(kind, currency, line)
        fee = sum(self._number("fee", cell, fee_currency) for cell in self.columns.cells("fee", line))
        fee *= self.layout.fee_sign
        if kind == LineKind.FEE and not amount:
            amount, fee, currency = -fee, 0, fee_currency
        return {
            "kind": kind, "currency": currency, "amount": amount, "fee": fee, "fee_currency": fee_currency,
            "at": self._at(line), "reference": self.columns.first("reference", line)[:120],
            "references": tuple(cell[:120] for cell in self.columns.cells("reference", line)),
            "own": self._own(line), "text": self.columns.first("text", line)[:200],
        }  # fmt: skip

    def _own(self, line: list[str]) -> str:
        """Our id, as the provider tells it back."""
        return self.columns.first("own", line)[:120]

    def _currency(self, field: str, line: list[str], otherwise: str) -> str:
        text = self.columns.first(field, line).upper() or otherwise
        if text not in CURRENCIES:
            raise _Cell("currency", field, text)
        return text

    def _amount(self, kind: str, currency: str, line: list[str]) -> int:
        if self.columns.of.get("credit") or self.columns.of.get("debit"):
            plus, less = self.columns.first("credit", line), self.columns.first("debit", line)
            if not plus and not less:
                return 0
            return sum(
                sign * self._number(field, cell, currency)
                for sign, field, cell in ((1, "credit", plus), (-1, "debit", less)) if cell
            )  # fmt: skip
        cell = self.columns.first("amount", line)
        if not cell:
            if kind == LineKind.FEE:
                return 0
            raise _Cell("number", "amount", "")
        told = self._number("amount", cell, currency)
        if self.layout.signed or kind == LineKind.OTHER:
            return told
        return -abs(told) if kind in LEAVING else abs(told)

    def _number(self, field: str, cell: str, currency: str) -> int:
        try:
            return minor(number(cell, self.decimal), currency, whole=self.layout.minor)
        except Unreadable as error:
            raise _Cell(error.code, field, cell) from None

    def _at(self, line: list[str]) -> datetime:
        text = " ".join(self.columns.cells("at", line))
        zone = self.columns.first("zone", line) or self.layout.zone
        try:
            return moment(text, self.layout.dates, zone_of(zone))
        except Unreadable as error:
            raise _Cell(
                error.code, "zone" if error.code == "zone" else "at", zone if error.code == "zone" else text
            ) from None

    def _once(self, place: int, line: list[str], values: dict[str, Any]) -> Row | RowError | None:
        told = "|".join(
            str(values[name])
            for name in ("kind", "reference", "own", "amount", "currency", "fee", "fee_currency", "at", "text")
        )
        digest = hashlib.sha256(told.encode()).hexdigest()
        key = self._identity(line)
        if not key:
            if values["reference"] or values["own"]:
                key = digest
            else:
                count = self.alike[digest] = self.alike.get(digest, 0) + 1
                key = hashlib.sha256(f"{digest}:{count}".encode()).hexdigest()
        if (before := self.seen.get(key)) is not None:
            return (
                None if before == digest else RowError(place, "twice", "", (values["reference"] or values["own"])[:60])
            )
        self.seen[key] = digest
        return Row(number=place, key=key, digest=digest, **values)

    def _identity(self, line: list[str]) -> str:
        """The columns that name the row, if the first of them is filled."""
        cells = [line[place] if place < len(line) else "" for place in self.columns.identity]
        if not cells or not any(cells[: max(1, len(cells) // 2)]):
            return ""
        plain = "|".join(cells)
        return plain if len(plain) <= 100 else hashlib.sha256(plain.encode()).hexdigest()


class _Cell(Exception):
    def __init__(self, code: str, field: str, value: str) -> None:
        super().__init__(code)
        self.code, self.field, self.value = code, field, value
