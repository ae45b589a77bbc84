from __future__ import annotations

from tenant_apps.notifications.page_urls import urlpatterns

__all__ = ["urlpatterns"]
