"""Style sheet, logos, mark and manifest. Addresses carry the content's hash and may be kept for ever."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import get_language, get_language_bidi
from django.views.decorators.http import require_safe

from kernel import files
from kernel.errors import NotFound
from kernel.guards import open_to_all
from kernel.models import StoredFile
from kernel.tenancy import context
from kernel.ui.brand import BrandTokens, brand_css, brand_hash

from .pictures import lettermark
from .services import PICTURES

FOREVER = "public, max-age=31536000, immutable"


def _entry() -> dict[str, Any]:
    entry: dict[str, Any] = context.tenant().setting("brand") or {}
    if not entry:
        raise NotFound
    return entry


def _kept(content: bytes | str, content_type: str) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": FOREVER})


@open_to_all("the brand's style sheet, for the log-in page too")
@require_safe
def stylesheet(request: HttpRequest, digest: str) -> HttpResponse:
    """Custom properties of the published brand; another hash than the published one's is not found."""
    looks = BrandTokens(**_entry()["looks"])
    if brand_hash(looks) != digest:
        raise NotFound
    return _kept(brand_css(looks), "text/css; charset=utf-8")


@open_to_all("logos are public")
@require_safe
def picture(request: HttpRequest, role: str, digest: str) -> HttpResponse:
    """A logo or mark of any version by its content's hash."""
    if role not in PICTURES:
        raise NotFound
    row = StoredFile.objects.filter(kind=f"brand.{role}", sha256__startswith=digest).first()
    if row is None:
        raise NotFound
    return _kept(files.read(row), "image/png")


@open_to_all("the browser tab's picture")
@require_safe
def mark(request: HttpRequest, digest: str) -> HttpResponse:
    """The drawn lettermark, while none is uploaded."""
    entry = _entry()
    looks = BrandTokens(**entry["looks"])
    if brand_hash(looks) != digest:
        raise NotFound
    return _kept(lettermark(entry["name"], looks), "image/svg+xml")


@open_to_all("needed to install the portal as an app")
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Web app manifest (W3C): name, colours and icon of the brokerage, in the reader's language and direction."""
    entry = _entry()
    drawn = f"/brand/mark-{brand_hash(BrandTokens(**entry['looks']))}.svg"
    icon = (
        {"src": entry["mark_url"], "sizes": "512x512", "type": "image/png", "purpose": "any"}
        if entry["mark_url"]
        else {"src": drawn, "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    )
    body = {
        "name": entry["name"],
        "short_name": entry["name"][:12].strip(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "lang": get_language(),
        "dir": "rtl" if get_language_bidi() else "ltr",
        "theme_color": entry["colour"],
        "background_color": entry["mail_colours"]["page"],
        "icons": [icon],
    }
    return JsonResponse(
        body, content_type="application/manifest+json", headers={"Cache-Control": "public, max-age=300"}
    )
