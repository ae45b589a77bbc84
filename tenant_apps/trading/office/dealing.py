"""The dealer's page: deals as they arrive, and what the desk has to know of today."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET

from kernel.guards import guard
from kernel.pages import page, wants_part
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.trading import dealing, selectors
from tenant_apps.trading.base_currency import base_of_brokerage
from tenant_apps.trading.bridge.telling import DEALS, DESK
from tenant_apps.trading.office.exposure import filters
from tenant_apps.trading.permissions_list import DEALING

FEED = TableSpec(
    default_sort="-time",
    page_size=30,
    columns=[
        Column(key="time", label=pgettext_lazy("deal", "Time"), sort="pk"),
        Column(key="account", label=pgettext_lazy("exposure", "Account")),
        Column(key="symbol", label=pgettext_lazy("deal", "Symbol")),
        Column(key="lots", label=pgettext_lazy("deal", "Lots"), align="num"),
        Column(key="price", label=pgettext_lazy("deal", "Price"), align="num"),
        Column(key="reason", label=pgettext_lazy("deal", "Reason")),
        Column(key="result", label=pgettext_lazy("deal", "Result"), align="num"),
    ],
)


@guard(DEALING)
@require_GET
def index(request: Any) -> HttpResponse:
    """The feed and the panels refresh apart, each at most every few seconds."""
    what = dealing.sought(request)
    if wants_part(request, "desk"):
        return render(request, "trading/office/dealing.html#desk", _panels(request, what))
    if wants_part(request, "risk"):
        return render(request, "trading/office/dealing.html#risk", _risk(request, what))
    values = _feed(request, what)
    if wants_part(request, "rows"):
        return render(request, "trading/office/dealing.html#rows", values)
    values |= _panels(request, what) | _risk(request, what) | filters(request, what.places)
    values |= {"query": request.GET, "reasons": list(dealing.REASONS.items())}
    return page(request, "trading/office/dealing.html", values, live=[DEALS, DESK])


def _feed(request: Any, what: dealing.Sought) -> dict[str, Any]:
    table = build_table(FEED, dealing.feed(request.actor, what), request, keyset=True)
    for row in table.page.rows:
        row.reason_words = dealing.REASONS.get(row.reason, row.reason)
    return {"table": table, "what": what}


def _panels(request: Any, what: dealing.Sought) -> dict[str, Any]:
    base, places = base_of_brokerage(), what.places
    return {
        "base": base,
        "today": dealing.today(request.actor, places, base, selectors.servers()),
        "largest": dealing.largest(request.actor, places, base),
    }


def _risk(request: Any, what: dealing.Sought) -> dict[str, Any]:
    """What stands above the feed: who may be closed out next, and who was."""
    places = what.places
    return {"nearest": dealing.nearest(request.actor, places), "alerts": dealing.alerts(request.actor, places)}
