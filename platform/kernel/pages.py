"""Rendering a page: the template, the menu, and the live topics that its view allows; and answering what is done on one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from kernel.errors import AppError, NotFound
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
        update(live_token=token(topics, request.session.session_key, rights, since=current().asked_at))
    return render(request, template, values, status=status)


def acted(request: HttpRequest, act: Callable[[], object], *to: Any, done: str = "") -> HttpResponse:
    """Do what somebody asked for and go on to `to` (as `redirect` takes it): a refusal is a message there, as is `done`.

    Raises NotFound."""
    try:
        act()
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
    else:
        if done:
            messages.success(request, done)
    return redirect(*to)


def wants_part(request: HttpRequest, element_id: str) -> bool:
    """Whether htmx asks for the inside of this element only. htmx 4 names its target as `div#rows`."""
    target = getattr(getattr(request, "htmx", None), "target", "") or ""
    return target.rpartition("#")[2] == element_id
