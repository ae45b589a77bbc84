"""The menus. Each app registers its entries in its `navigation.py`; a shell shows those the actor may open.

register("office", section="money", key="payments", label=pgettext_lazy("navigation", "Money inbox"),
         icon="banknote", url="payments:office-inbox", permission="payments.view", order=30, badge=selectors.waiting)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import pgettext_lazy

from kernel.actors import Actor

SECTIONS: dict[str, Any] = {
    "overview": pgettext_lazy("navigation section", "Overview"),
    "clients": pgettext_lazy("navigation section", "Clients"),
    "money": pgettext_lazy("navigation section", "Money"),
    "trading": pgettext_lazy("navigation section", "Trading"),
    "growth": pgettext_lazy("navigation section", "Growth"),
    "settings": pgettext_lazy("navigation section", "Settings"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    surface: str
    section: str
    key: str
    label: Any
    icon: str
    url: str
    permission: str | None
    order: int
    badge: Callable[[Actor], int] | None
    mobile: bool  # in the portal's bottom bar on phones


_entries: list[Entry] = []


def register(
    surface: str,
    *,
    section: str,
    key: str,
    label: Any,
    icon: str,
    url: str,
    permission: str | None = None,
    order: int = 50,
    badge: Callable[[Actor], int] | None = None,
    mobile: bool = False,
) -> None:
    _entries.append(Entry(surface, section, key, label, icon, url, permission, order, badge, mobile))


@dataclass(frozen=True, slots=True)
class Shown:
    key: str
    label: Any
    icon: str
    href: str
    badge: int
    active: bool
    mobile: bool


def menu(request: HttpRequest) -> list[tuple[str, Any, list[Shown]]]:
    """(section key, section label, entries) for this request's surface and actor; empty sections are left out."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    surface = getattr(request, "surface", "")
    groups: list[tuple[str, Any, list[Shown]]] = []
    for section, label in SECTIONS.items():
        shown = [
            _shown(entry, actor, request.path)
            for entry in sorted(_entries, key=lambda entry: (entry.order, entry.key))
            if entry.surface == surface
            and entry.section == section
            and (entry.permission is None or actor.may(entry.permission))
        ]
        if shown:
            groups.append((section, label, shown))
    return groups


def _shown(entry: Entry, actor: Actor, path: str) -> Shown:
    href = reverse(entry.url)
    active = path == href or (href != "/" and path.startswith(href))
    return Shown(
        entry.key, entry.label, entry.icon, href, entry.badge(actor) if entry.badge else 0, active, entry.mobile
    )
