"""Navigation of the surfaces, filled by the apps from below.

An app calls `register("office", NavItem(...), section="clients")` in its `AppConfig.ready`; the shells draw what the
viewer may see. Nothing here imports an app.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

from kernel import navigation

Text = str | Promise
Badge = Callable[[HttpRequest], int | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """One entry. `url` is a path or a URL name. `visible` must say yes for the viewer; `badge` counts open work.

    `live` names a topic key (`topic:key`) whose value replaces the badge text when it changes. `phone` puts the
    entry into the bottom bar of the portal (at most five fit).
    """

    label: Text
    url: str
    icon: str
    order: int = 100
    visible: Callable[[HttpRequest], bool] | None = None
    badge: Badge | None = None
    live: str = ""
    exact: bool = False
    phone: bool = False


@dataclass(slots=True)
class _Section:
    label: Text
    order: int
    items: list[NavItem] = field(default_factory=list)


_surfaces: dict[str, dict[str, _Section]] = {}


def register_section(surface: str, key: str, label: Text = "", *, order: int = 100) -> None:
    """Name a section of a surface; registering it again changes label and order but keeps its items."""
    sections = _surfaces.setdefault(surface, {})
    known = sections.get(key)
    sections[key] = _Section(label, order, known.items if known else [])


def register(surface: str, item: NavItem, *, section: str = "main") -> None:
    """Add an entry to a surface's section; the section is made without a heading when it has not been named."""
    sections = _surfaces.setdefault(surface, {})
    target = sections.setdefault(section, _Section("", 100))
    if item not in target.items:
        target.items.append(item)


def resolve_url(url: str) -> str:
    """A path as it is, a URL name reversed in the active URLconf."""
    return url if url.startswith(("/", "#", "http")) else reverse(url)


def _drawn(request: HttpRequest, item: NavItem) -> dict[str, Any] | None:
    if item.visible is not None and not item.visible(request):
        return None
    try:
        url = resolve_url(item.url)
    except NoReverseMatch:
        return None
    return {
        "label": item.label,
        "url": url,
        "icon": item.icon,
        "badge": item.badge(request) if item.badge else None,
        "live": item.live,
        "phone": item.phone,
        "exact": item.exact,
    }


def _mark_active(request: HttpRequest, entries: Iterable[dict[str, Any]]) -> None:
    """The longest entry that is a prefix of the path is the page we are on."""
    matching = [
        entry
        for entry in entries
        if request.path == entry["url"] or (not entry["exact"] and request.path.startswith(entry["url"]))
    ]
    if matching:
        max(matching, key=lambda entry: len(entry["url"]))["active"] = True


def _from_apps(request: HttpRequest) -> list[dict[str, Any]]:
    """The entries that apps registered with rights in their `navigation.py`, asked once per request for their badges."""
    known = getattr(request, "_app_menu", None)
    if known is None:
        known = request._app_menu = navigation.menu(request)  # type: ignore[attr-defined]
    return [
        {
            "key": key,
            "label": label,
            "items": [{**_plain(entry), "pages": [_plain(one) for one in entry.pages]} for entry in entries],
        }
        for key, label, entries in known
    ]


def _plain(entry: navigation.Shown) -> dict[str, Any]:
    return {
        "label": entry.label,
        "url": entry.href,
        "icon": entry.icon,
        "badge": entry.badge or None,
        "live": "",
        "phone": entry.mobile,
        "exact": entry.href == "/",
    }


def sections_for(request: HttpRequest, surface: str) -> list[dict[str, Any]]:
    """Sections with the entries this viewer may see, in order, the current one marked `active`."""
    drawn: list[dict[str, Any]] = []
    for key, section in sorted(_surfaces.get(surface, {}).items(), key=lambda pair: pair[1].order):
        items = [_drawn(request, item) for item in sorted(section.items, key=lambda item: item.order)]
        visible = [item for item in items if item]
        if visible:
            drawn.append({"key": key, "label": section.label, "items": visible})
    if surface == getattr(request, "surface", ""):
        drawn = [*_from_apps(request), *drawn]
    entries: list[dict[str, Any]] = [entry for section in drawn for entry in section["items"]]
    _mark_active(request, [page for entry in entries for page in entry.get("pages") or [entry]])
    for entry in entries:
        entry["active"] = entry.get("active") or any(page.get("active") for page in entry.get("pages", ()))
    return drawn


def pages_beside(request: HttpRequest, surface: str) -> dict[str, Any] | None:
    """The entry of several pages that this page is one of: they stand as tabs on each of them."""
    items = (entry for section in sections_for(request, surface) for entry in section["items"])
    return next((entry for entry in items if entry["active"] and entry.get("pages")), None)


def has_items(surface: str) -> bool:
    """Whether any app has put an entry on this surface."""
    return any(section.items for section in _surfaces.get(surface, {}).values())
