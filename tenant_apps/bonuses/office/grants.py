"""Bonuses that clients have or had: the list with totals, and one with its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import NotFound
from kernel.guards import guard
from kernel.pages import acted, page
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.clients.eyes import shown
from tenant_apps.wallets.models import Decision

from .. import selectors
from ..models import Grant
from ..permissions_list import APPROVE, PROPOSE
from ..services.burning import credit_again, stuck
from ..services.cancelling import CANCELLABLE, cancel_approve, cancel_propose, cancel_refuse
from ..services.moves import TOPIC
from ..services.packs import choice_in_force

TABLE = TableSpec(
    default_sort="-created",
    page_size=40,
    columns=[
        Column(key="client", label=pgettext_lazy("bonus column", "Client")),
        Column(key="reference", label=pgettext_lazy("bonus column", "Reference")),
        Column(key="bonus", label=pgettext_lazy("bonus column", "Bonus")),
        Column(key="account", label=pgettext_lazy("bonus column", "Account")),
        Column(key="state", label=pgettext_lazy("bonus column", "State"), sort="state"),
        Column(key="amount", label=pgettext_lazy("bonus column", "Given"), sort="amount_minor", align="num"),
        Column(key="credit", label=pgettext_lazy("bonus column", "As credit"), sort="credit_minor", align="num"),
        Column(key="paid", label=pgettext_lazy("bonus column", "Paid out"), sort="paid_minor", align="num"),
        Column(key="created", label=pgettext_lazy("bonus column", "Time"), sort="created_at", align="end"),
    ],
)
VIEWS = [
    ("alive", pgettext_lazy("bonus view", "Running")), ("offered", pgettext_lazy("bonus view", "Offered")),
    ("attention", pgettext_lazy("bonus view", "To look at")), ("ended", pgettext_lazy("bonus view", "Ended")),
    ("all", pgettext_lazy("bonus view", "All")),
]  # fmt: skip


@guard("bonuses.view")
@require_GET
def index(request: Any) -> HttpResponse:
    view, text = request.GET.get("view", "alive"), request.GET.get("q", "")
    rows = selectors.filtered(request.actor, view=view, text=text)
    context = {
        "table": build_table(TABLE, rows, request), "totals": selectors.totals(rows), "view": view, "q": text,
        "views": VIEWS, "tab": "grants", "choice": choice_in_force(),
    }  # fmt: skip
    template = "bonuses/office/grants.html#rows" if request.htmx else "bonuses/office/grants.html"
    return page(request, template, context, live=[TOPIC])


@guard("bonuses.view")
@require_GET
def grant(request: Any, grant_id: UUID) -> HttpResponse:
    row, actor = selectors.get(request.actor, grant_id), request.actor
    wish = selectors.cancel_request_of(row)
    waits = wish is not None and wish.state == Decision.PROPOSED
    own = waits and wish is not None and wish.proposer_id == actor.id
    context = {
        "row": row, "progress": selectors.shown([row])[0], "moves": selectors.moves_of(row),
        "acts": selectors.acts_of(row), "wish": wish, "seen": shown(wish) if waits and wish else "", "waits": waits, "own": own,
        "may_cancel": not waits and row.state in CANCELLABLE and actor.may(PROPOSE, row.client),
        "may_agree": waits and not own and actor.may(APPROVE, row.client),
        "may_drop": waits and (own or actor.may(APPROVE, row.client)),
        "may_again": stuck(row) and actor.may(PROPOSE, row.client),
        "crumbs": [(pgettext("navigation", "Bonuses"), reverse("bonuses:grants"))],
    }  # fmt: skip
    return page(request, "bonuses/office/grant.html", context, live=[f"client:{row.client_id}"])


def _act(request: Any, grant_id: UUID, act: Callable[[Grant], Any], done: str) -> HttpResponse:
    row = selectors.get(request.actor, grant_id)
    return acted(request, lambda: act(row), "bonuses:grant", row.pk, done=done)


@guard("bonuses.propose")
@require_POST
def cancel(request: Any, grant_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    done = pgettext("bonus", "Proposed. Another person has to approve it.")
    return _act(request, grant_id, lambda row: cancel_propose(actor=request.actor, grant=row, reason=reason), done)


@guard("bonuses.propose")
@require_POST
def again(request: Any, grant_id: UUID) -> HttpResponse:
    done = pgettext("bonus", "Asked the trading server again.")
    return _act(request, grant_id, lambda row: credit_again(actor=request.actor, grant_id=row.pk), done)


def _wish(row: Grant) -> UUID:
    found = selectors.cancel_request_of(row)
    if found is None:
        raise NotFound
    return found.pk


@guard("bonuses.approve")
@require_POST
def cancel_agree(request: Any, grant_id: UUID) -> HttpResponse:
    seen = request.POST.get("seen", "")
    done = pgettext("bonus", "Cancelled. The credit is being taken back.")
    return _act(
        request, grant_id, lambda row: cancel_approve(actor=request.actor, request_id=_wish(row), seen=seen), done
    )


@guard("bonuses.view")
@require_POST
def cancel_drop(request: Any, grant_id: UUID) -> HttpResponse:
    reason, done = request.POST.get("reason", ""), pgettext("bonus", "The bonus stays.")
    return _act(
        request, grant_id,
        lambda row: cancel_refuse(actor=request.actor, request_id=_wish(row), reason=reason), done,
    )  # fmt: skip
