"""A client's own bonuses: what is offered with its terms, what runs and how far it is, what was."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import NotFound
from kernel.guards import client_only
from kernel.pages import acted, page

from .. import selectors
from ..models import ENDED, GrantState
from ..services.grants import grant_accept, grant_decline


@client_only
@require_GET
def index(request: Any) -> HttpResponse:
    rows = selectors.shown(selectors.of_client(request.client.pk)[:100])
    context = {
        "offers": [row for row in rows if row.grant.state == GrantState.OFFERED],
        "running": [row for row in rows if row.grant.state not in (GrantState.OFFERED, *ENDED)],
        "ended": [row for row in rows if row.grant.state in ENDED],
    }
    part = "#rows" if request.htmx else ""
    return page(request, f"bonuses/portal/bonuses.html{part}", context, live=[f"client:{request.client.pk}"])


@client_only
@require_GET
def terms(request: Any, grant_id: UUID) -> HttpResponse:
    """The terms of one bonus on a page of their own, to keep or print: those it was made under, whatever holds now."""
    grant = selectors.of_client(request.client.pk).filter(pk=grant_id).first()
    if grant is None:
        raise NotFound
    return page(request, "bonuses/portal/terms.html", {"one": selectors.shown([grant])[0]})


@client_only
@require_POST
def accept(request: Any, grant_id: UUID) -> HttpResponse:
    done = pgettext("bonus", "Your bonus is on its way to your account.")
    act = partial(grant_accept, actor=request.actor, grant_id=grant_id)
    return acted(request, act, "bonuses:portal-bonuses", done=done)


@client_only
@require_POST
def decline(request: Any, grant_id: UUID) -> HttpResponse:
    done = pgettext("bonus", "Declined. Nothing changes.")
    act = partial(grant_decline, actor=request.actor, grant_id=grant_id)
    return acted(request, act, "bonuses:portal-bonuses", done=done)
