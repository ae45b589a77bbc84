"""The bell and its page; the same in office and portal. Everybody sees only their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from kernel.guards import signed_in
from kernel.pages import page
from kernel.ui.tables import TableSpec

from . import selectors, services

FEED = TableSpec(columns=[], page_size=30)
ICONS: dict[str, str] = {
    "lead": "user-plus",
    "task": "list-todo",
    "kyc": "shield-check",
    "deposit": "banknote",
    "withdrawal": "arrow-up-from-line",
    "account": "chart-candlestick",
    "trading": "chart-candlestick",
}


def _with_icons(rows: Any) -> list[Any]:
    shown = list(rows)
    for row in shown:
        row.icon = ICONS.get(row.kind.partition(".")[0], "bell")
    return shown


@signed_in
def bell(request: HttpRequest) -> HttpResponse:
    """The latest, for the drawer; reading them here does not mark them as read, opening or the button does."""
    rows = _with_icons(selectors.notifications_of(request.actor)[:15])  # type: ignore[attr-defined]
    unread = sum(row.read_at is None for row in rows)
    return page(request, "notifications/_bell.html", {"rows": rows, "unread": unread})


@signed_in
def everything(request: HttpRequest) -> HttpResponse:
    table = FEED.keyset_page(selectors.notifications_of(request.actor), request)  # type: ignore[attr-defined]
    shell = "shell_office.html" if request.surface == "office" else "shell_portal.html"  # type: ignore[attr-defined]
    values = {"page": table, "rows": _with_icons(table.rows), "shell": shell}
    topics = [services.topic(request.actor.id)]  # type: ignore[attr-defined]
    return page(request, "notifications/list.html", values, live=topics)


@signed_in
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    services.notifications_read(actor=request.actor)  # type: ignore[attr-defined]
    return bell(request) if getattr(request, "htmx", False) else redirect("notifications:list")


@signed_in
@require_POST
def open_one(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Mark as read and go where it leads; a path of this host only."""
    row = selectors.notifications_of(request.actor).filter(pk=notification_id).first()  # type: ignore[attr-defined]
    services.notifications_read(actor=request.actor, notification_id=notification_id)  # type: ignore[attr-defined]
    target = row.link if row and row.link.startswith("/") and not row.link.startswith(("//", "/\\")) else ""
    return redirect(target or "notifications:list")
