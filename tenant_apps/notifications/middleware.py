"""Tells the shells of office and portal about the viewer's bell. The count is asked for only by pages that draw it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from kernel.ui.context import current, update

from . import selectors
from .services import topic


class BellMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if getattr(request, "tenant", None) and current().viewer:
            actor = request.actor  # type: ignore[attr-defined]
            if actor.kind in {"staff", "client"}:
                update(
                    notifications_url="/notifications/bell/",
                    notifications_topic=topic(actor.id),
                    unread_notifications=SimpleLazyObject(lambda: selectors.unread_count(actor.id)),
                )
        return self.get_response(request)
