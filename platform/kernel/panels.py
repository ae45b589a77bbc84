"""Slots on shared pages that apps above fill, so that a page needs no import of what it shows.

    register("client.tab", key="payments", title=pgettext_lazy("client tab", "Payments"), icon="banknote",
             permission="payments.view", template="payments/office/client_tab.html", context=client_tab, order=30)

Slots: client.tab and client.side (subject: the client), portal.home and portal.trading (the client), office.dashboard (subject:
None), console.tenant (subject: the tenant), office.setup (subject: None; the set-up checklist).
`context(request, subject) -> dict | None`; None leaves the panel out. Items of office.setup need no template: their context
is {"done": bool, "href": str, "text": str, "action": str}, and the pages that list them draw them alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

Context = Callable[[HttpRequest, Any], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Panel:
    slot: str
    key: str
    title: Any
    icon: str
    permission: str | None
    template: str
    context: Context
    order: int


_panels: list[Panel] = []


def register(
    slot: str,
    *,
    key: str,
    title: Any,
    context: Context,
    template: str = "",
    icon: str = "square",
    permission: str | None = None,
    order: int = 50,
) -> None:
    _panels.append(Panel(slot, key, title, icon, permission, template, context, order))


def panels(slot: str, request: HttpRequest) -> list[Panel]:
    """The panels of a slot that this actor may see, in order."""
    actor = request.actor  # type: ignore[attr-defined]
    return sorted(
        (
            panel
            for panel in _panels
            if panel.slot == slot and (panel.permission is None or actor.may(panel.permission))
        ),
        key=lambda panel: (panel.order, panel.key),
    )


def panel(slot: str, key: str, request: HttpRequest) -> Panel | None:
    return next((found for found in panels(slot, request) if found.key == key), None)


def rendered(found: Panel, request: HttpRequest, subject: Any = None) -> SafeString | None:
    """A panel's HTML, or None when it has nothing to show."""
    context = found.context(request, subject)
    if context is None:
        return None
    return render_to_string(found.template, {**context, "panel": found, "subject": subject}, request=request)
