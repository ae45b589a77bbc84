from __future__ import annotations

from tenant_apps.branding.asset_urls import urlpatterns

__all__ = ["urlpatterns"]
