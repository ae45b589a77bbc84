"""What the editors of looks share: names of themes, colours to start from, a readable report, the preview's state."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext_lazy

from kernel.ui.brand import BrandTokens, brand_css, contrast_report
from kernel.ui.context import BrandView, UiState, using
from kernel.ui.settings import THEMES_DIR

SWATCHES = ("#1d4ed8", "#0f766e", "#b45309", "#7c3aed", "#be123c", "#15803d", "#0e7490", "#111827")
PAIR_NAMES: dict[str, Any] = {
    "text-on-fill": pgettext_lazy("contrast", "Text on buttons"),
    "text-on-card": pgettext_lazy("contrast", "Links on cards"),
    "text-on-page": pgettext_lazy("contrast", "Links on the page"),
    "text-on-tint": pgettext_lazy("contrast", "Text on tinted areas"),
    "fill-on-card": pgettext_lazy("contrast", "Buttons against cards"),
}


@cache
def theme_label(name: str) -> str:
    """A theme's own name, from its theme.toml."""
    data = tomllib.loads((THEMES_DIR / name / "theme.toml").read_text(encoding="utf-8"))
    return str(data.get("label", name.title()))


def report(tokens: BrandTokens) -> list[dict[str, Any]]:
    """The contrast report as a page shows it, light and dark side by side."""
    lines: dict[str, dict[str, Any]] = {}
    for pair in contrast_report(tokens):
        lines.setdefault(pair.name, {"title": PAIR_NAMES[pair.name]})[pair.mode] = pair
    return list(lines.values())


def tokens_of(values: Any) -> BrandTokens:
    """From a query or form; what is missing or unknown takes the default, so that a preview never fails."""
    known = {key: str(values.get(key) or "").strip() for key in ("colour", "colour_dark", "preset", "font", "radius")}
    for _ in range(2):
        try:
            return BrandTokens(**{key: value for key, value in known.items() if value})
        except ValueError:
            known = {key: value for key, value in known.items() if key in {"colour"} and _is_colour(value)}
    return BrandTokens()


def _is_colour(text: str) -> bool:
    from kernel.ui.colour import Colour

    try:
        Colour.parse(text)
    except ValueError:
        return False
    return True


def query_of(tokens: BrandTokens, **more: str) -> str:
    values = {"colour": tokens.colour, "colour_dark": tokens.colour_dark, "preset": tokens.preset, "font": tokens.font}
    return urlencode({**values, "radius": tokens.radius, **more})


def preview_css(request: HttpRequest) -> HttpResponse:
    """The style sheet of the looks in the query: for previews only, never kept."""
    return HttpResponse(brand_css(tokens_of(request.GET)), content_type="text/css; charset=utf-8")


def preview_page(
    request: HttpRequest, *, css_path: str, name: str, pictures: dict[str, str] | None = None
) -> HttpResponse:
    """A page of the portal in the looks of the query, for a frame on our own pages. `pictures`: addresses by role."""
    logo = (pictures or {}).get("logo", "")
    tokens = tokens_of(request.GET)
    mode = "dark" if request.GET.get("mode") == "dark" else "light"
    brand = BrandView(
        name=name or "Brand",
        css_url=f"{css_path}?{query_of(tokens)}",
        logo_url=logo,
        logo_dark_url=(pictures or {}).get("logo_dark", "") or logo,
    )
    with using(UiState(theme=tokens.preset, brand=brand)):
        response = render(
            request, "branding/preview_portal.html", {"mode": mode, "device": request.GET.get("device", "")}
        )
    response.frame_ancestors = "'self'"  # type: ignore[attr-defined]
    return response
