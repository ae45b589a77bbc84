"""Figures of the cashier and their export."""

from __future__ import annotations

import csv
from typing import Any

from django.http import HttpResponse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel import audit
from kernel.guards import guard
from kernel.pages import page
from kernel.ui.formatting import country_text
from kernel.ui.tables import export_value

from .. import figures
from ..permissions_list import EXPORT
from ..words import method_name


def _asked(request: Any) -> dict[str, Any]:
    given = request.GET
    dimension = given.get("by", "provider")
    return {
        "period": figures.period_of(given.get("days", ""), given.get("from", ""), given.get("to", "")),
        "by": dimension if dimension in figures.DIMENSIONS else "provider",
        "currency": given.get("currency", "")[:8],
    }


def _name(dimension: str, name: str) -> str:
    if dimension == "method":
        return method_name(name)
    return country_text(name) if dimension == "country" and name else name


@guard("payments.view")
@require_GET
def index(request: Any) -> HttpResponse:
    asked = _asked(request)
    period, currency, dimension = asked["period"], asked["currency"], asked["by"]
    rows = figures.by_dimension(request.actor, period, dimension, currency)
    context = {
        **asked,
        "totals": figures.by_currency(request.actor, period, currency),
        "rows": [(_name(dimension, row.name), row) for row in rows],
        "reasons": figures.reasons(request.actor, period, currency),
        "currencies": [(code, code) for code in figures.currencies(request.actor)],
        "periods": figures.PERIODS,
        "dimensions": [(code, label) for code, (label, _) in figures.DIMENSIONS.items()],
        "may_export": request.actor.may(EXPORT),
    }
    return page(request, "payments/office/figures.html", context)


@guard("payments.export")
@require_GET
def export(request: Any) -> HttpResponse:
    """The table as it is shown, plain numbers in major units."""
    asked = _asked(request)
    rows = figures.by_dimension(request.actor, asked["period"], asked["by"], asked["currency"], code=EXPORT)
    audit.record(actor=request.actor, action="payments.figures_exported", label=asked["by"])
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"cashier-{asked['by']}-{asked['period'].first}-{asked['period'].last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response.write("\ufeff")
    writer = csv.writer(response)
    writer.writerow([
        str(figures.DIMENSIONS[asked["by"]][0]), pgettext("payment figures", "Currency"),
        pgettext("payment figures", "Started"), pgettext("payment figures", "Credited"),
        pgettext("payment figures", "Declined"), pgettext("payment figures", "Left"),
        pgettext("payment figures", "Approval ratio"), pgettext("payment figures", "Received"),
        pgettext("payment figures", "Our fees"), pgettext("payment figures", "Cost"),
        pgettext("payment figures", "Median seconds"), pgettext("payment figures", "Nineteen of twenty within seconds"),
    ])  # fmt: skip
    for row in rows:
        writer.writerow([
            export_value(_name(asked["by"], row.name)), row.currency, row.started, row.credited, row.declined, row.left,
            "" if row.approval is None else f"{row.approval:.4f}", row.total.amount, row.fees.amount, row.cost.amount,
            "" if row.median is None else round(row.median), "" if row.p95 is None else round(row.p95),
        ])  # fmt: skip
    return response
