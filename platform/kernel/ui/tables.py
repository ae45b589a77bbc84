"""Tables: column specs, sorting, paging over querysets, and cells that are safe in CSV and XLSX."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise

M = TypeVar("M", bound=Model)
Align = Literal["start", "end", "center", "num"]
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_DIGITS = 9  # of a page's number or size; more is nonsense
_CURSOR = 2_000  # characters; the longest of ours holds a text to sort by and a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `sort` is the field path it sorts by, empty for none; `export` gives the cell of a spreadsheet.

    `export` is an attribute path (`client.email`) or a function of the row; None leaves the column out of exports.
    """

    key: str
    label: str | Promise
    sort: str = ""
    align: Align = "start"
    export: str | Callable[[Any], object] | None = None
    css_class: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column head as the template draws it; `state` is asc, desc or empty."""

    label: str | Promise
    sort: str
    state: str
    align: Align
    css_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of rows with the queries that lead to its neighbours. `total` is None with keyset paging."""

    rows: list[Any]
    size: int
    number: int | None = None
    pages: int | None = None
    total: int | None = None
    previous_query: str = ""
    next_query: str = ""

    @property
    def first_row(self) -> int:
        """Number of the first row shown, from 1; 0 for an empty page."""
        return 0 if not self.rows else ((self.number or 1) - 1) * self.size + 1

    @property
    def last_row(self) -> int:
        """Number of the last row shown."""
        return max(0, self.first_row + len(self.rows) - 1) if self.rows else 0

    @property
    def range_text(self) -> str:
        """`26–50`, or 0 for an empty page."""
        return f"{self.first_row}–{self.last_row}" if self.rows else "0"

    def __bool__(self) -> bool:
        """A page is worth drawing even when it is empty."""
        return True


def with_query(query: QueryDict, **changes: str | None) -> str:
    """The query with parameters replaced; None removes one."""
    copy = query.copy()
    for key, value in changes.items():
        copy.pop(key, None)
        if value is not None:
            copy[key] = value
    return "?" + copy.urlencode()


def _positive(text: str, default: int) -> int:
    usable = text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) > 0
    return int(text) if usable else default


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """Columns plus order and page size; made once per list page, used for every request.

    `default_sort` is the key of a sortable column, with a minus for descending. Ties are broken by the primary key, so
    the order is total and no row is shown twice or skipped.
    """

    columns: Sequence[Column]
    default_sort: str = ""
    page_size: int = 25
    largest_page: int = 200

    def sort_of(self, query: QueryDict) -> tuple[Column | None, bool]:
        """The column asked for and whether descending; the default for anything that is not a sortable column."""
        sortable = {column.key: column for column in self.columns if column.sort}
        for wanted in (query.get("sort", ""), self.default_sort):
            column = sortable.get(wanted.removeprefix("-"))
            if column:
                return column, wanted.startswith("-")
        return None, False

    def headings(self, query: QueryDict) -> list[Heading]:
        """Heads for `<c-ui.table_head>`."""
        chosen, descending = self.sort_of(query)
        return [
            Heading(
                label=column.label,
                sort=column.key if column.sort else "",
                state=("desc" if descending else "asc") if column is chosen else "",
                align=column.align,
                css_class=column.css_class,
            )
            for column in self.columns
        ]

    def ordered(self, rows: QuerySet[M], query: QueryDict) -> QuerySet[M]:
        """The queryset in the order asked for; empty values always last, the primary key breaks ties."""
        chosen, descending = self.sort_of(query)
        if chosen is None:
            return rows if rows.ordered else rows.order_by("pk")
        order: OrderBy | str = ("-" if descending else "") + chosen.sort
        if _may_be_null(rows.model, chosen.sort):
            field = F(chosen.sort)
            order = field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)
        return rows.order_by(order, "-pk" if descending else "pk")

    def page(self, rows: QuerySet[M], request: HttpRequest) -> Page:
        """A numbered page with a total: for lists of some thousands of rows that people leaf through."""
        query = request.GET
        size = min(_positive(query.get("size", ""), self.page_size), self.largest_page)
        total = rows.count()
        pages = max(1, -(-total // size))
        number = min(_positive(query.get("page", ""), 1), pages)
        ordered = self.ordered(rows, query)
        return Page(
            rows=list(ordered[(number - 1) * size : number * size]),
            size=size,
            number=number,
            pages=pages,
            total=total,
            previous_query=with_query(query, page=str(number - 1)) if number > 1 else "",
            next_query=with_query(query, page=str(number + 1)) if number < pages else "",
        )

    def keyset_page(self, rows: QuerySet[M], request: HttpRequest) -> Page:
        """A page found by the last row's key instead of by counting: for feeds of millions of rows.

        The sort field must never be null. An unreadable cursor gives the first page. Reads one row more than it shows
        to learn whether there is another page, and never counts.
        """
        query = request.GET
        size = min(_positive(query.get("size", ""), self.page_size), self.largest_page)
        chosen, descending = self.sort_of(query)
        path = chosen.sort if chosen else "pk"
        backwards = "before" in query
        cursor = _read_cursor(query.get("before") or query.get("after") or "")
        towards_less = descending != backwards
        found = rows
        if cursor is not None:
            try:
                found = found.filter(_beyond(path, cursor, less=towards_less))
            except (ValueError, TypeError, ValidationError):  # it reads, but as no value of this column
                cursor = None
        sign = "-" if towards_less else ""
        found = found.order_by(f"{sign}pk") if path == "pk" else found.order_by(f"{sign}{path}", f"{sign}pk")
        window = list(found[: size + 1])
        more = len(window) > size
        shown = window[:size]
        if backwards:
            shown.reverse()
        has_previous = more if backwards else cursor is not None
        has_next = more if not backwards else True
        first, last = (shown[0], shown[-1]) if shown else (None, None)
        return Page(
            rows=shown,
            size=size,
            previous_query=with_query(query, after=None, before=_write_cursor(first, path))
            if first is not None and has_previous
            else "",
            next_query=with_query(query, before=None, after=_write_cursor(last, path))
            if last is not None and has_next
            else "",
        )

    def export_header(self) -> list[str]:
        """Labels of the exported columns, in the active language."""
        return [str(column.label) for column in self.columns if column.export is not None]

    def export_row(self, row: object) -> list[object]:
        """Cells of one row, guarded against formulas."""
        return [export_value(cell) for cell in self.export_cells(row)]

    def export_cells(self, row: object) -> list[object]:
        """Cells of one row as they are, for kernel.ui.exports to write."""
        return [_exported(column, row) for column in self.columns if column.export is not None]


@dataclass(frozen=True, slots=True)
class Table:
    """What `<c-ui.table_head :table=...>` and `<c-ui.pagination :page=...>` draw."""

    headings: list[Heading]
    page: Page
    sort: str = ""


def build_table(spec: TableSpec, rows: QuerySet[Any], request: HttpRequest, *, keyset: bool = False) -> Table:
    """Sort and page `rows` as the query string asks."""
    page = spec.keyset_page(rows, request) if keyset else spec.page(rows, request)
    return Table(spec.headings(request.GET), page, request.GET.get("sort", spec.default_sort))


def _resolve(row: object, path: str) -> Any:
    value: Any = row
    for part in path.replace("__", ".").split("."):
        value = getattr(value, part, None)
        if callable(value):
            value = value()
    return value


def _exported(column: Column, row: object) -> object:
    if callable(column.export):
        return column.export(row)
    return _resolve(row, column.export or column.key)


def export_value(value: object) -> object:
    """A cell no spreadsheet runs as a formula: text that begins like one gets an apostrophe in front.

    OWASP, "CSV Injection". Numbers and dates stay what they are.
    """
    if value is None:
        return ""
    if isinstance(value, bool | int | float) or not isinstance(value, str | Promise):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _may_be_null(model: type[Model], path: str) -> bool:
    """Whether a field path can be empty. "Nulls last" on what never is keeps PostgreSQL from reading the index's end:
    the page would cost sorting the whole table. What is no field (an annotation) may be."""
    places = path.split("__")
    for number, name in enumerate(places):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            return True
        if getattr(field, "null", True):
            return True
        if number < len(places) - 1:
            if not isinstance(field.related_model, type):
                return True
            model = field.related_model
    return False


def _write_cursor(row: Any, path: str) -> str:
    value = _resolve(row, path)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return base64.urlsafe_b64encode(json.dumps([text, str(row.pk)]).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[str, str] | None:
    if len(text) > _CURSOR:
        return None
    try:
        value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        return None
    return (value, key) if isinstance(value, str) and isinstance(key, str) else None


def _beyond(path: str, cursor: tuple[str, str], *, less: bool) -> Q:
    value, key = cursor
    side = "lt" if less else "gt"
    if path == "pk":
        return Q(**{f"pk__{side}": key})
    return Q(**{f"{path}__{side}": value}) | Q(**{path: value, f"pk__{side}": key})
