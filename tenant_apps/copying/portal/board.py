"""The board of strategies, those that ended, and one strategy. Whose they are is on none of these pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import npgettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from kernel.guards import client_only
from kernel.pages import page, wants_part
from kernel.ui.formatting import percent_text
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.trading.selectors import FEW

from .. import pages, selectors
from ..figures import MIN_DAYS

BOARD = TableSpec(
    default_sort="-ratio",
    page_size=20,
    columns=[
        Column(key="name", label=pgettext_lazy("strategy", "Strategy")),
        Column(key="growth", label=pgettext_lazy("strategy", "Return"), sort="by_growth", align="num"),
        Column(key="year", label=pgettext_lazy("strategy", "12 months"), sort="by_growth_year", align="num"),
        Column(key="quarter", label=pgettext_lazy("strategy", "3 months"), sort="by_growth_quarter", align="num"),
        Column(key="month", label=pgettext_lazy("strategy", "1 month"), sort="by_growth_month", align="num"),
        Column(key="drawdown", label=pgettext_lazy("strategy", "Largest drawdown"), sort="by_drawdown", align="num"),
        Column(key="ratio", label=pgettext_lazy("strategy", "Return to drawdown"), sort="by_standing", align="num"),
        Column(key="sharpe", label=pgettext_lazy("strategy", "Sharpe ratio"), sort="by_sharpe", align="num"),
        Column(key="trades", label=pgettext_lazy("strategy", "Trades"), sort="by_trades", align="num"),
        Column(key="age", label=pgettext_lazy("strategy", "Record, days"), sort="by_age_days", align="num"),
    ],
)
ENDED = TableSpec(
    default_sort="-begun",
    page_size=20,
    columns=[
        Column(key="name", label=pgettext_lazy("strategy", "Strategy")),
        Column(key="growth", label=pgettext_lazy("strategy", "Return"), align="num"),
        Column(key="drawdown", label=pgettext_lazy("strategy", "Largest drawdown"), align="num"),
        Column(key="trades", label=pgettext_lazy("strategy", "Trades"), align="num"),
        Column(key="age", label=pgettext_lazy("strategy", "Record, days"), align="num"),
        Column(key="begun", label=pgettext_lazy("strategy", "First shown"), sort="released_at", align="end"),
        Column(key="why", label=pgettext_lazy("strategy", "What became of it"), align="end"),
    ],
)


@client_only
@require_GET
def index(request: Any) -> HttpResponse:
    which = selectors.sought(request)
    table = build_table(BOARD, selectors.board(BOARD, request.GET, which), request, keyset=True)
    values = {"table": table, "which": which, "few_trades": FEW, "few_days": MIN_DAYS}
    if wants_part(request, "rows"):
        return render(request, "copying/portal/board.html#rows", values)
    return page(request, "copying/portal/board.html", values | _filters() | {"past": selectors.survivorship()})


def _filters() -> dict[str, Any]:
    return {
        "currencies": [(code, code) for code in selectors.currencies()],
        "ages": [(days, _days(days)) for days in selectors.AGES],
        "drawdowns": [(one, pgettext("strategy", "Drawdown up to %(share)s") % {"share": percent_text(one / 100, 0)})
                      for one in selectors.DRAWDOWNS],
        "least_trades": [(count, _trades(count)) for count in selectors.TRADES],
    }  # fmt: skip


def _days(count: int) -> str:
    return npgettext("strategy", "From %(count)s day", "From %(count)s days", count) % {"count": count}


def _trades(count: int) -> str:
    return npgettext("strategy", "From %(count)s trade", "From %(count)s trades", count) % {"count": count}


@client_only
@require_GET
def ended(request: Any) -> HttpResponse:
    """Those that were once shown, with their last figures: a board of those that are left looks better than it was."""
    table = build_table(ENDED, selectors.gone(), request, keyset=True)
    if wants_part(request, "rows"):
        return render(request, "copying/portal/ended.html#rows", {"table": table})
    return page(request, "copying/portal/ended.html", {"table": table, "past": selectors.survivorship()})


@client_only
@require_GET
def strategy(request: Any, strategy_id: UUID) -> HttpResponse:
    row = selectors.strategy_for(request.actor, strategy_id)
    values = pages.shown(row) | {
        "following": selectors.following(row.account.server),
        "own": row.account.client_id == request.client.pk,
    }
    return page(request, "copying/portal/strategy.html", values)
