"""Rendering a page: the template, the menu, and the live topics that its view allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kernel.live.publish import token
from kernel.ui.context import current, update


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    live: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """Render. `live` names topics this page may watch; the shell puts the signed token into `data-live`."""
    values = dict(context or {})
    own = current().notifications_topic  # the viewer's bell, on every page that has one
    topics = [*live, own] if own else list(live)
    if topics and request.session.session_key:
        account = getattr(request, "account", None)
        rights = account.rights_stamp() if account else ""
        update(live_token=token(topics, request.session.session_key, rights))
    return render(request, template, values, status=status)


def wants_part(request: HttpRequest, element_id: str) -> bool:
    """Whether htmx asks for the inside of this element only. htmx 4 names its target as `div#rows`."""
    target = getattr(getattr(request, "htmx", None), "target", "") or ""
    return target.rpartition("#")[2] == element_id
