"""Tells the shells what to show for this request: brand, viewer, languages, addresses (kernel.ui.context.UiState)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from kernel import badges
from kernel.middleware import offered_languages
from kernel.ui.context import BASE_THEME, BrandView, UiState, ViewerView, activate, deactivate
from kernel.ui.formatting import numbers_of

SAFE = ("GET", "HEAD", "OPTIONS")


class ShellMiddleware:
    """Runs once tenant, actor and language are known. `SHELL_BRAND` names a function request → BrandView, if any."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        path = getattr(settings, "SHELL_BRAND", "")
        self.brand = import_string(path) if path else None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = activate(self._state(request))
        try:
            with numbers_of(request.actor.country):  # type: ignore[attr-defined]
                return self.get_response(request)
        finally:
            deactivate(token)
            if request.method not in SAFE:
                badges.forget(request.actor)  # type: ignore[attr-defined]

    def _state(self, request: HttpRequest) -> UiState:
        tenant = getattr(request, "tenant", None)
        actor = request.actor  # type: ignore[attr-defined]
        account = request.account  # type: ignore[attr-defined]
        viewer = None
        if actor.kind != "visitor":
            email = account.email if account else ""
            viewer = ViewerView(name=actor.label, email=email, subtitle=getattr(account, "subtitle", ""))
        addresses: dict[str, Any] = settings.SHELL_ADDRESSES.get(getattr(request, "surface", ""), {}) if viewer else {}
        brand = self.brand(request) if self.brand else BrandView(name=tenant.name if tenant else "Rialto")
        return UiState(
            theme=tenant.setting("theme", BASE_THEME) if tenant else BASE_THEME,
            brand=brand,
            viewer=viewer,
            languages=tuple(offered_languages(request)),
            **addresses,
        )
