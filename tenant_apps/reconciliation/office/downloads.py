"""CSV exports of the desk: streamed, UTF-8 with a mark for spreadsheets, cells guarded against formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import get_language, override

from kernel import audit, clock
from kernel.tenancy import context
from kernel.ui.tables import TableSpec, export_value


class _Echo:
    def write(self, value: str) -> str:
        return value


def _written(lines: Iterable[list[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"
    for line in lines:
        yield writer.writerow(line)  # type: ignore[misc]


def download(
    request: Any, lines: Iterable[list[object]], name: str, *, action: str, label: str = ""
) -> StreamingHttpResponse:
    """Lines leave after the view has returned, so their scope and the reader's language are kept for the stream."""
    scope, language = context.scope(), get_language()

    def streamed() -> Iterator[str]:
        token = context.enter(scope)
        try:
            with override(language):
                yield from _written([export_value(cell) for cell in line] for line in lines)
        finally:
            context.leave(token)

    audit.record(actor=request.actor, action=action, label=label or name)
    response = StreamingHttpResponse(streamed(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{clock.today().isoformat()}.csv"'
    return response


def table_lines(spec: TableSpec, rows: Any) -> Iterator[list[object]]:
    """A table's header and rows."""
    yield list(spec.export_header())
    for row in rows.iterator(chunk_size=500):
        yield spec.export_row(row)
