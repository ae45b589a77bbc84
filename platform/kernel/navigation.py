"""The menus. Each app registers its entries in its `navigation.py`; a shell shows those the actor may open.

register("office", section="money", key="payments", label=pgettext_lazy("navigation", "Money inbox"),
         icon="banknote", url="payments:office-inbox", permission="payments.view", order=30, badge=selectors.waiting)

A badge says which rows it counts: `selectors.waiting(actor)` gives a queryset, or several to be added up. The menu counts
those of all its entries in one query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import pgettext_lazy

from kernel.actors import Actor
from kernel.counts import count_all

Rows = QuerySet[Any] | Sequence[QuerySet[Any]]

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
    badge: Callable[[Actor], Rows] | None
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
    badge: Callable[[Actor], Rows] | None = None,
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
    entries = [
        entry
        for entry in sorted(_entries, key=lambda entry: (entry.order, entry.key))
        if entry.surface == surface and (entry.permission is None or actor.may(entry.permission))
    ]
    counts = _counts(entries, actor)
    groups: list[tuple[str, Any, list[Shown]]] = []
    for section, label in SECTIONS.items():
        shown = [_shown(entry, request.path, counts) for entry in entries if entry.section == section]
        if shown:
            groups.append((section, label, shown))
    return groups


def _counts(entries: Sequence[Entry], actor: Actor) -> dict[str, int]:
    """The badges of these entries by key. One query."""
    parts: dict[tuple[str, int], QuerySet[Any]] = {}
    for entry in entries:
        if entry.badge is None:
            continue
        rows = entry.badge(actor)
        for number, one in enumerate([rows] if isinstance(rows, QuerySet) else rows):
            parts[entry.key, number] = one
    totals: dict[str, int] = {}
    for (key, _), count in count_all(parts).items():
        totals[key] = totals.get(key, 0) + count
    return totals


def _shown(entry: Entry, path: str, counts: dict[str, int]) -> Shown:
    href = reverse(entry.url)
    active = path == href or (href != "/" and path.startswith(href))
    return Shown(entry.key, entry.label, entry.icon, href, counts.get(entry.key, 0), active, entry.mobile)
