"""The office's start page, and search."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kernel.guards import no_rights, signed_in
from kernel.pages import page, wants_part
from kernel.panels import Panel, panels, rendered
from tenant_apps.clients.queue import matching
from tenant_apps.clients.selectors import clients_visible, show
from tenant_apps.office import selectors

FOUND = 8


@signed_in
def dashboard(request: HttpRequest) -> HttpResponse:
    """Numbers of the day and the panels of the apps, as far as one's rights reach."""
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.grants:
        return no_rights(request)
    filled = [(one, html) for one in panels("office.dashboard", request) if (html := rendered(one, request))]
    values: dict[str, Any] = {"panels": filled, "setup": _left_to_do(request)}
    if actor.may("clients.view"):
        values["today"] = selectors.today_counts(actor)
    if wants_part(request, "dashboard"):
        return render(request, "office/_dashboard.html", values)
    return page(request, "office/dashboard.html", values, live=["leads", f"tasks:{actor.id}", "money", "kyc"])


def _left_to_do(request: HttpRequest) -> list[tuple[Panel, dict[str, Any]]]:
    """What is still open of the set-up, as far as one may do it."""
    found = [(one, one.context(request, None)) for one in panels("office.setup", request)]
    return [(one, values) for one, values in found if values and not values["done"]]


@signed_in
def find(request: HttpRequest) -> HttpResponse:
    """Rows for the command palette: clients by number, name, e-mail or phone, within reach."""
    text = request.GET.get("q", "").strip()
    actor = request.actor  # type: ignore[attr-defined]
    rows = []
    if len(text) >= 2 and actor.may("clients.view"):
        rows = show(actor, clients_visible(actor).filter(matching(text, actor.masks)).order_by("-created_at")[:FOUND])
    return render(request, "office/_found.html", {"rows": rows})
