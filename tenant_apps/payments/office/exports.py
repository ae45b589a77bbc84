"""CSV exports: streamed, UTF-8 with a mark for spreadsheets, cells guarded against formulas (kernel.ui.tables)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import get_language, override
from django.views.decorators.http import require_GET

from kernel import audit, clock
from kernel.guards import guard
from kernel.tenancy import context
from kernel.ui.tables import TableSpec

from .. import selectors
from ..permissions_list import EXPORT
from .tables import DEPOSITS, WITHDRAWALS

CHUNK = 500


class _Echo:
    def write(self, value: str) -> str:
        return value


def _lines(spec: TableSpec, rows: Any) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(spec.export_header())  # type: ignore[operator]
    for row in rows.iterator(chunk_size=CHUNK):
        yield writer.writerow(spec.export_row(row))  # type: ignore[misc]


def _download(request: Any, spec: TableSpec, rows: Any, name: str) -> StreamingHttpResponse:
    """The rows leave after the view has returned, so their scope and the reader's language are kept for the stream."""
    scope, language = context.scope(), get_language()

    def streamed() -> Iterator[str]:
        token = context.enter(scope)
        try:
            with override(language):
                yield from _lines(spec, rows)
        finally:
            context.leave(token)

    audit.record(actor=request.actor, action=f"payments.{name}_exported", label=name)
    response = StreamingHttpResponse(streamed(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{clock.today().isoformat()}.csv"'
    return response


@guard("payments.export")
@require_GET
def deposits(request: Any) -> StreamingHttpResponse:
    from .inbox import filtered_deposits

    rows = filtered_deposits(request, selectors.deposits_visible(request.actor, EXPORT)).order_by("-created_at")
    return _download(request, DEPOSITS, rows, "deposits")


@guard("payments.export")
@require_GET
def withdrawals(request: Any) -> StreamingHttpResponse:
    from .inbox import filtered_withdrawals

    rows = filtered_withdrawals(request, selectors.withdrawals_visible(request.actor, EXPORT)).order_by("-created_at")
    return _download(request, WITHDRAWALS, rows, "withdrawals")
