"""The menus. Each app registers its entries in its `navigation.py`; a shell shows those the actor may open.

register("office", section="money", key="payments", label=pgettext_lazy("navigation", "Money inbox"),
         icon="banknote", url="payments:office-inbox", permission="payments.view", order=30, badge=selectors.waiting)

Pages that belong together are one entry, `register_group(...)` named by their `group`: the menu has the group, its pages are
tabs on each of them, and the search knows them all. Where one may open only one page of a group, the menu has that page.

A badge says which rows it counts: `selectors.waiting(actor)` gives a queryset, or several to be added up. The menu counts
those of all its entries in one query (`kernel.badges`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import pgettext_lazy

from kernel.actors import Actor
from kernel.badges import Badge, counts_of

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
    permissions: tuple[str, ...]  # any one of them; none: everybody
    order: int
    badge: Badge | None
    mobile: bool  # in the portal's bottom bar on phones
    group: str


@dataclass(frozen=True, slots=True)
class Group:
    """One entry for several pages; it leads to the first. Its badge is that of the page `badge_of`, else all of them."""

    surface: str
    section: str
    key: str
    label: Any
    icon: str
    order: int
    badge_of: str


_groups: dict[tuple[str, str], Group] = {}
_entries: list[Entry] = []


def register(
    surface: str,
    *,
    section: str,
    key: str,
    label: Any,
    icon: str,
    url: str,
    permission: str | Sequence[str] | None = None,
    order: int = 50,
    badge: Badge | None = None,
    mobile: bool = False,
    group: str = "",
) -> None:
    """`permission`: a right, or several any of which is enough."""
    rights = (permission,) if isinstance(permission, str) else tuple(permission or ())
    _entries.append(Entry(surface, section, key, label, icon, url, rights, order, badge, mobile, group))


def register_group(
    surface: str, *, section: str, key: str, label: Any, icon: str, order: int = 50, badge_of: str = ""
) -> None:
    _groups[surface, key] = Group(surface, section, key, label, icon, order, badge_of)


@dataclass(frozen=True, slots=True)
class Shown:
    key: str
    label: Any
    icon: str
    href: str
    badge: int
    mobile: bool
    pages: tuple[Shown, ...] = ()  # of a group


def menu(request: HttpRequest) -> list[tuple[str, Any, list[Shown]]]:
    """(section key, section label, entries) for this request's surface and actor; empty sections are left out."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    surface = getattr(request, "surface", "")
    entries = [
        entry
        for entry in sorted(_entries, key=lambda entry: (entry.order, entry.key))
        if entry.surface == surface and (not entry.permissions or any(map(actor.may, entry.permissions)))
    ]
    counts = counts_of({entry.key: entry.badge for entry in entries if entry.badge}, actor)
    placed: dict[str, list[tuple[int, str, Shown]]] = {}
    for group, own in _by_group(entries):
        pages = [_shown(entry, counts) for entry in own]
        first = group or own[0]
        one = _grouped(group, pages) if group and len(pages) > 1 else pages[0]
        placed.setdefault(first.section, []).append((first.order, first.key, one))
    return [
        (section, label, [one for _, _, one in sorted(placed[section], key=lambda place: place[:2])])
        for section, label in SECTIONS.items()
        if section in placed
    ]


def _by_group(entries: Sequence[Entry]) -> list[tuple[Group | None, list[Entry]]]:
    """Entries of the same group together, every other one by itself."""
    found: dict[tuple[str, str], tuple[Group | None, list[Entry]]] = {}
    for entry in entries:
        group = _groups.get((entry.surface, entry.group))
        place = ("group", group.key) if group else ("entry", entry.key)
        found.setdefault(place, (group, []))[1].append(entry)
    return list(found.values())


def _grouped(group: Group, pages: Sequence[Shown]) -> Shown:
    badge = sum(page.badge for page in pages if page.key == group.badge_of or not group.badge_of)
    return Shown(group.key, group.label, group.icon, pages[0].href, badge, mobile=False, pages=tuple(pages))


def _shown(entry: Entry, counts: dict[str, int]) -> Shown:
    return Shown(entry.key, entry.label, entry.icon, reverse(entry.url), counts.get(entry.key, 0), entry.mobile)
