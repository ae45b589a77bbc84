"""Figures of the cashier, of what comes in and what is paid out, and their export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel import audit
from kernel.guards import guard
from kernel.money import Money
from kernel.pages import page
from kernel.ui.exports import FORMATS, Cells, download
from kernel.ui.formatting import country_text

from .. import figures, payout_figures
from ..permissions_list import EXPORT
from ..words import method_name


def _asked(request: Any) -> dict[str, Any]:
    given = request.GET
    dimension = given.get("by", "provider")
    return {
        "period": figures.period_of(given.get("days", ""), given.get("from", ""), given.get("to", "")),
        "by": dimension if dimension in figures.DIMENSIONS else "provider",
        "currency": given.get("currency", "")[:8],
        "way": "out" if given.get("way") == "out" else "in",
    }


def _name(dimension: str, name: str) -> str:
    if dimension == "method":
        return method_name(name) if name else ""
    return country_text(name) if dimension == "country" and name else name


@guard("payments.view")
@require_GET
def index(request: Any) -> HttpResponse:
    asked = _asked(request)
    actor, period, currency = request.actor, asked["period"], asked["currency"]
    source = payout_figures if asked["way"] == "out" else figures
    rows = source.by_dimension(actor, period, asked["by"], currency)
    context = {
        **asked,
        "totals": source.by_currency(actor, period, currency),
        "rows": [(_name(asked["by"], row.name), row) for row in rows],
        "reasons": figures.reasons(actor, period, currency) if asked["way"] == "in" else [],
        "out": figures.paid_out(actor, period, currency) if asked["way"] == "out" else [],
        "currencies": [(code, code) for code in figures.currencies(actor)],
        "periods": figures.PERIODS,
        "dimensions": [(code, label) for code, (label, _) in figures.DIMENSIONS.items()],
        "may_export": actor.may(EXPORT),
        "formats": [(code, code.upper()) for code in FORMATS],
    }
    return page(request, "payments/office/figures.html", context)


@guard("payments.export")
@require_GET
def export(request: Any) -> StreamingHttpResponse:
    """The table as it is shown, plain numbers in major units, as CSV or XLSX."""
    asked = _asked(request)
    by, way, period = asked["by"], asked["way"], asked["period"]
    audit.record(actor=request.actor, action="payments.figures_exported", label=f"{way} {by}")
    cells = _cells_out if way == "out" else _cells_in
    source = payout_figures if way == "out" else figures

    def rows() -> Iterator[Cells]:
        for row in source.by_dimension(request.actor, period, by, asked["currency"], code=EXPORT):
            yield [_name(by, row.name), row.currency, *cells(row)]

    name = f"cashier-{way}-{by}-{period.first}-{period.last}"
    return download(request, name, _header(by, way), rows)


def _header(by: str, way: str) -> list[str]:
    head = [
        str(figures.DIMENSIONS[by][0]),
        pgettext("payment figures", "Currency"),
        pgettext("payment figures", "Started"),
    ]
    told = [pgettext("payment figures", "Cost told in other currencies")]
    if way == "out":
        return [
            *head, pgettext("payment figures", "Paid"), pgettext("payment figures", "Failed"),
            pgettext("payment figures", "Paid out"), pgettext("payment figures", "Cost, as told"), *told,
            pgettext("payment figures", "Paid without a cost told"),
            pgettext("payment figures", "Median seconds"), pgettext("payment figures", "Nineteen of twenty within seconds"),
            pgettext("payment figures", "Median seconds from the approval"),
        ]  # fmt: skip
    return [
        *head, pgettext("payment figures", "Credited"), pgettext("payment figures", "Declined"),
        pgettext("payment figures", "Left"), pgettext("payment figures", "Approval ratio"),
        pgettext("payment figures", "Received"), pgettext("payment figures", "Our fees"),
        pgettext("payment figures", "Cost"), pgettext("payment figures", "Of it estimated by the rules"), *told,
        pgettext("payment figures", "Median seconds"), pgettext("payment figures", "Nineteen of twenty within seconds"),
    ]  # fmt: skip


def _cells_in(row: figures.Figures) -> list[object]:
    return [
        row.started, row.credited, row.declined, row.left, None if row.approval is None else round(row.approval, 4),
        row.total, row.fees, row.cost, row.estimated, _listed(row.others), _whole(row.median), _whole(row.p95),
    ]  # fmt: skip


def _cells_out(row: payout_figures.PayoutFigures) -> list[object]:
    return [
        row.started, row.paid, row.failed, row.total, row.cost, _listed(row.others), row.untold, _whole(row.median),
        _whole(row.p95), _whole(row.provider_median),
    ]  # fmt: skip


def _listed(amounts: Iterable[Money]) -> str:
    return ", ".join(str(amount) for amount in amounts)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
