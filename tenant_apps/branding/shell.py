"""The brand as the page shells show it, from what the register keeps: no query."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from kernel.tenancy.context import TenantRef
from kernel.ui.context import BrandView

# What traders may read before they log in; the office has no such pages.
LEGAL = {"documents_url": "/legal/", "privacy_url": "/legal/privacy/"}


def brand_of(request: HttpRequest) -> BrandView:
    """settings.SHELL_BRAND. On the vendor's own pages the product's brand."""
    tenant: TenantRef | None = getattr(request, "tenant", None)
    if tenant is None:
        return BrandView(name="Rialto")
    view = brand_view(tenant)
    return replace(view, **LEGAL) if getattr(request, "surface", "") == "portal" else view


def brand_view(tenant: TenantRef) -> BrandView:
    entry: dict[str, Any] = tenant.setting("brand") or {}
    if not entry:
        return BrandView(name=tenant.name)
    return BrandView(
        name=entry["name"],
        css_url=entry["css_url"],
        logo_url=entry["logo_url"],
        logo_dark_url=entry["logo_dark_url"],
        favicon_url=entry["mark_url"] or f"/brand/mark-{entry['css_url'][7:-4]}.svg",
        support_email=entry["support_email"],
        legal_line=" ".join(
            text for key in ("legal_footer", "risk_warning") if (text := _in_language(entry.get(key) or {}))
        ),
    )


def _in_language(texts: dict[str, str]) -> str:
    return texts.get(get_language() or "en") or texts.get("en") or next(iter(texts.values()), "")
