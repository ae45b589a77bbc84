"""The first middleware: which surface and which brokerage a request is for. Unknown hosts end here, without a query
beyond the directory's. The scope is left in a finally, so a thread never keeps a tenant (tenancy.md, L9)."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kernel.tenancy import context, directory

URLCONFS = {
    "site": "config.urls_site",
    "console": "config.urls_console",
    "portal": "config.urls_portal",
    "office": "config.urls_office",
}
NOT_SERVED = frozenset({"requested", "provisioning", "deleted"})  # states of a brokerage whose hosts answer nothing


def platform_surface(host: str) -> str | None:
    if host == settings.PLATFORM_DOMAIN:
        return "site"
    return "console" if host == f"console.{settings.PLATFORM_DOMAIN}" else None


class TenancyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = directory.normalise_host(request.META.get("HTTP_HOST", ""))
        surface = platform_surface(host)
        if surface is not None:
            return self._in(context.public_scope(), surface, request)
        found = directory.by_host(host) if host else None
        if found is None or found[0].state in NOT_SERVED:
            return self._unknown(request)
        tenant, surface = found
        return self._in(context.tenant_scope(tenant), surface, request)

    def _in(self, scope: context.Scope, surface: str, request: HttpRequest) -> HttpResponse:
        request.surface = surface  # type: ignore[attr-defined]
        request.tenant = scope.tenant  # type: ignore[attr-defined]
        request.urlconf = URLCONFS[surface]  # type: ignore[attr-defined]
        token = context.enter(scope)
        try:
            if surface == "portal" and scope.tenant and scope.tenant.state == "suspended":
                # Withdrawals stay reachable for traders of a suspended broker (product.md, T10).
                request.suspended = True  # type: ignore[attr-defined]
            return self.get_response(request)
        finally:
            context.leave(token)

    def _unknown(self, request: HttpRequest) -> HttpResponse:
        return render(request, "unknown_host.html", status=421, using="django")
