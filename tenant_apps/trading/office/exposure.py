"""Exposure in the office: what clients' open positions add up to by symbol, and the positions behind a symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from kernel import audit
from kernel.guards import guard
from kernel.pages import page, wants_part
from kernel.ui.exports import Cells, download
from kernel.ui.tables import Column, Page, Table, TableSpec, build_table, with_query
from tenant_apps.trading import exposure, selectors
from tenant_apps.trading.base_currency import base_of_brokerage
from tenant_apps.trading.bridge.telling import DESK
from tenant_apps.trading.models import Book
from tenant_apps.trading.permissions_list import DEALING

TABLE = TableSpec(
    default_sort="-gross",
    columns=[
        Column(key="symbol", label=pgettext_lazy("exposure", "Symbol"), sort="symbol"),
        Column(key="long", label=pgettext_lazy("exposure", "Long, lots"), sort="long", align="num"),
        Column(key="short", label=pgettext_lazy("exposure", "Short, lots"), sort="short", align="num"),
        Column(key="net-lots", label=pgettext_lazy("exposure", "Net, lots"), sort="net_lots*", align="num"),
        Column(key="net", label=pgettext_lazy("exposure", "Net value"), sort="net*", align="num"),
        Column(key="gross", label=pgettext_lazy("exposure", "Value, both sides"), sort="gross", align="num"),
        Column(key="floating", label=pgettext_lazy("exposure", "Clients’ open result"), sort="floating", align="num"),
        Column(
            key="accounts",
            label=pgettext_lazy("exposure", "Accounts"),
            sort="accounts",
            align="num",
            css_class="ui-from-md",
        ),
        Column(key="clients", label=pgettext_lazy("exposure", "Clients"), sort="clients", align="num"),
    ],
)
POSITIONS = TableSpec(
    default_sort="-lots",
    page_size=50,
    columns=[
        Column(key="account", label=pgettext_lazy("exposure", "Account"), export=lambda row: row.account.login),
        Column(key="side", label=pgettext_lazy("deal", "Side"), sort="side", export="side"),
        Column(key="lots", label=pgettext_lazy("deal", "Lots"), sort="lots", align="num", export="lots"),
        Column(key="open", label=pgettext_lazy("deal", "Opened at"), align="num", export="price_open"),
        Column(key="now", label=pgettext_lazy("deal", "Now"), align="num", export="price_current"),
        Column(key="result", label=pgettext_lazy("deal", "Result"), sort="profit_minor", align="num", export="profit"),
        Column(key="opened", label=pgettext_lazy("deal", "Opened"), sort="opened_at", align="end", export="opened_at"),
    ],
)


SYMBOL = Column(key="symbol", label=pgettext_lazy("exposure", "Symbol"), sort="symbol", export="symbol")
# The same of every symbol, in whose table a row has to say which.
ALL_POSITIONS = replace(POSITIONS, columns=[POSITIONS.columns[0], SYMBOL, *POSITIONS.columns[1:]])


def filters(request: Any, which: exposure.Chosen) -> dict[str, Any]:
    """What the filter bar of the desk's pages offers."""
    return {
        "which": which,
        "reals": [
            ("live", pgettext("exposure", "Live accounts")),
            ("demo", pgettext("exposure", "Demo accounts")),
            ("all", pgettext("exposure", "Live and demo")),
        ],
        "servers": [(str(server.pk), server.name) for server in selectors.servers()],
        "books": Book.choices,
    }


@guard(DEALING)
@require_GET
def index(request: Any) -> HttpResponse:
    """By symbol; refetched at most every two seconds while positions move."""
    which, base = exposure.chosen(request), base_of_brokerage()
    rows = exposure.in_order(TABLE, exposure.exposures(request.actor, which, base), request)
    table = Table(TABLE.headings(request.GET), Page(rows=rows, size=len(rows)), request.GET.get("sort", ""))
    values = {"table": table, "totals": exposure.totals(rows, base), "base": base, "which": which,
              "behind": with_query(request.GET, sort=None, symbol=None, split=None)}  # fmt: skip
    if wants_part(request, "rows"):
        return render(request, "trading/office/exposure.html#rows", values)
    values |= filters(request, which) | {
        "splits": [
            ("server", pgettext("exposure", "By symbol and server")),
            ("book", pgettext("exposure", "By symbol and book")),
        ],
        "export": with_query(request.GET),
    }
    return page(request, "trading/office/exposure.html", values, live=[DESK])


@guard(DEALING)
@require_GET
def export(request: Any) -> StreamingHttpResponse:
    which, base = exposure.chosen(request), base_of_brokerage()
    rows = exposure.in_order(TABLE, exposure.exposures(request.actor, which, base), request)
    audit.record(actor=request.actor, action="trading.exposure_exported", label=which.real)
    return download(request, "exposure", _header(base.currency), lambda: _lines(rows))


def _header(currency: str) -> list[str]:
    heads = {column.key: str(column.label) for column in TABLE.columns}
    money = {key: f"{heads[key]}, {currency}" for key in ("net", "gross", "floating")}
    split, count = pgettext("exposure", "Server or book"), pgettext("exposure", "Positions")
    missing = pgettext("exposure", "Positions without a value")
    known = {**heads, **money}
    return [known.pop("symbol"), split, *known.values(), count, missing]


def _lines(rows: list[exposure.Exposure]) -> Iterator[Cells]:
    for row in rows:
        yield [
            row.symbol, row.split, row.long, row.short, row.net_lots, row.net, row.gross, row.floating, row.accounts,
            row.clients, row.positions, row.unpriced,
        ]  # fmt: skip


@guard(DEALING)
@require_GET
def positions(request: Any) -> HttpResponse:
    """The positions of one symbol, or of all."""
    which = exposure.chosen(request)
    table = build_table(_spec(which), exposure.positions_of_symbol(request.actor, which), request, keyset=True)
    values = {
        "table": table,
        "which": which,
        "back": with_query(request.GET, symbol=None, sort=None, after=None, before=None),
    }
    if wants_part(request, "rows"):
        return render(request, "trading/office/positions.html#rows", values)
    values |= filters(request, which) | {"export": with_query(request.GET, after=None, before=None)}
    return page(request, "trading/office/positions.html", values, live=[DESK])


@guard(DEALING)
@require_GET
def positions_export(request: Any) -> StreamingHttpResponse:
    which = exposure.chosen(request)
    found = ALL_POSITIONS.ordered(exposure.positions_of_symbol(request.actor, which), request.GET)
    audit.record(actor=request.actor, action="trading.exposure_exported", label=which.symbol)
    return download(
        request,
        "positions",
        ALL_POSITIONS.export_header(),
        lambda: map(ALL_POSITIONS.export_cells, found.iterator(chunk_size=2000)),
    )


def _spec(which: exposure.Chosen) -> TableSpec:
    return POSITIONS if which.symbol else ALL_POSITIONS
