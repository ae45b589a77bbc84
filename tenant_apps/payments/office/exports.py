"""Deposits and withdrawals as CSV or XLSX, filtered as on their pages."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from kernel import audit
from kernel.guards import guard
from kernel.ui.exports import download
from kernel.ui.tables import TableSpec

from .. import selectors
from ..permissions_list import EXPORT
from .inbox import filtered_deposits, filtered_withdrawals
from .tables import DEPOSITS, WITHDRAWALS

CHUNK = 500


def _answer(request: Any, spec: TableSpec, rows: Any, name: str) -> StreamingHttpResponse:
    audit.record(actor=request.actor, action=f"payments.{name}_exported", label=name)
    found = rows.order_by("-created_at")
    return download(
        request, name, spec.export_header(), lambda: map(spec.export_cells, found.iterator(chunk_size=CHUNK))
    )


@guard("payments.export")
@require_GET
def deposits(request: Any) -> StreamingHttpResponse:
    rows = filtered_deposits(request, selectors.deposits_visible(request.actor, EXPORT))
    return _answer(request, DEPOSITS, rows, "deposits")


@guard("payments.export")
@require_GET
def withdrawals(request: Any) -> StreamingHttpResponse:
    rows = filtered_withdrawals(request, selectors.withdrawals_visible(request.actor, EXPORT))
    return _answer(request, WITHDRAWALS, rows, "withdrawals")
