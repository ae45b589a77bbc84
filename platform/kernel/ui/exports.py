"""Tables leaving the house as CSV or XLSX: read row by row, never held in memory at once.

Cells are what they are: text, numbers, `Money` (a number with its currency's decimals) and moments (in the brokerage's
time zone). CSV is UTF-8 with a mark for spreadsheets, its texts guarded against formulas (kernel.ui.tables.export_value);
in XLSX text is written as text, so that nothing is taken for a formula or an address.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import IO, Any
from zoneinfo import ZoneInfo

import xlsxwriter
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import get_language, get_language_bidi, override

from kernel import clock
from kernel.money import Money, minor_units
from kernel.tenancy import context
from kernel.ui.tables import export_value

FORMATS = ("csv", "xlsx")
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PIECE = 64 * 1024
MOST_ROWS = 1_048_575  # of a sheet, besides its heading
WIDTH = 18

Cells = Sequence[object]
Rows = Callable[[], Iterable[Cells]]


def brokerage_zone() -> tzinfo:
    """The brokerage's own time zone, UTC where the register names none."""
    return ZoneInfo(str(context.tenant().setting("time_zone") or "UTC"))


def export_format(request: HttpRequest) -> str:
    """The kind of file asked for by `format`; CSV for anything unknown."""
    wanted = request.GET.get("format", "")
    return wanted if wanted in FORMATS else "csv"


def download(
    request: HttpRequest, name: str, header: Cells, rows: Rows, *, zone: tzinfo | None = None, dated: bool = True
) -> StreamingHttpResponse:
    """A file of `rows()`. They leave after the view has returned, so their scope and the reader's language are kept.

    Moments are in `zone`, without one in the brokerage's. `dated` puts today into the name; a statement has its own day."""
    kind, scope, language = export_format(request), context.scope(), get_language()

    def streamed() -> Iterator[bytes]:
        token = context.enter(scope)
        try:
            with override(language):
                pieces = xlsx_pieces if kind == "xlsx" else csv_pieces
                yield from pieces(header, rows(), zone or brokerage_zone())
        finally:
            context.leave(token)

    named = f"{name}-{clock.today().isoformat()}" if dated else name
    response = StreamingHttpResponse(streamed(), content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{named}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    return response


class _Echo:
    def write(self, value: str) -> str:
        return value


def csv_pieces(header: Cells, rows: Iterable[Cells], zone: tzinfo) -> Iterator[bytes]:
    """Lines of a CSV file, as they are read."""
    writer: Any = csv.writer(_Echo())
    yield ("\ufeff" + writer.writerow([export_value(cell) for cell in header])).encode()
    for row in rows:
        yield writer.writerow([_csv_cell(cell, zone) for cell in row]).encode()


def _csv_cell(cell: object, zone: tzinfo) -> object:
    if isinstance(cell, Money):
        return f"{cell.amount:.{minor_units(cell.currency)}f}"
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(timespec="seconds")
    return export_value(cell)


def xlsx_pieces(header: Cells, rows: Iterable[Cells], zone: tzinfo) -> Iterator[bytes]:
    """A workbook of one sheet. Rows go to a file on the disk one by one, and the file goes out in pieces."""
    with tempfile.TemporaryFile() as file:
        _xlsx_write(file, header, rows, zone)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _xlsx_write(file: IO[bytes], header: Cells, rows: Iterable[Cells], zone: tzinfo) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet, formats = book.add_worksheet(), _Formats(book)
        if get_language_bidi():
            sheet.right_to_left()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(0, len(header) - 1), WIDTH)
        for place, cell in enumerate(header):
            sheet.write_string(0, place, str(cell), formats.head)
        for line, row in enumerate(rows, start=1):
            if line > MOST_ROWS:
                break
            for place, cell in enumerate(row):
                _xlsx_cell(sheet, line, place, cell, zone, formats)


class _Formats:
    """The few formats a sheet needs, each made once."""

    def __init__(self, book: Any) -> None:
        self._book, self._money = book, dict[int, Any]()
        self.head = book.add_format({"bold": True})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def money(self, places: int) -> Any:
        if places not in self._money:
            decimals = f".{'0' * places}" if places else ""
            self._money[places] = self._book.add_format({"num_format": f"#,##0{decimals}"})
        return self._money[places]


def _xlsx_cell(sheet: Any, line: int, place: int, cell: object, zone: tzinfo, formats: _Formats) -> None:
    if cell is None or cell == "":
        return
    if isinstance(cell, Money):
        sheet.write_number(line, place, cell.amount, formats.money(minor_units(cell.currency)))
    elif isinstance(cell, datetime):
        sheet.write_datetime(line, place, cell.astimezone(zone).replace(tzinfo=None), formats.moment)
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        sheet.write_number(line, place, cell)
    else:
        sheet.write_string(line, place, str(cell))
