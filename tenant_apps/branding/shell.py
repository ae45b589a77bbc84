"""The brand as the page shells show it, from what the register keeps: no query."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from kernel.tenancy.context import TenantRef
from kernel.ui.context import BrandView


def brand_of(request: HttpRequest) -> BrandView:
    """settings.SHELL_BRAND. On the vendor's own pages the product's brand."""
    tenant: TenantRef | None = getattr(request, "tenant", None)
    return brand_view(tenant) if tenant else BrandView(name="Rialto")


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
