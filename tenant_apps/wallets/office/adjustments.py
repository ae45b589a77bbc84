"""Adjustments of wallets in the office: proposed on a client's page, decided by another."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import Invalid, NotFound
from kernel.guards import guard
from kernel.pages import page
from kernel.permissions import scoped
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.clients.models import Client

from .. import adjustments
from ..models import Adjustment, Decision
from ..permissions_list import ADJUST_APPROVE, ADJUST_PROPOSE
from ..selectors import wallet_of, wallets_of
from ..services.adjustments import adjustment_approve, adjustment_propose, adjustment_refuse
from .forms import AdjustmentForm

TABLE = TableSpec(
    default_sort="-created",
    page_size=40,
    columns=[
        Column(key="client", label=pgettext_lazy("adjustments", "Client")),
        Column(key="reference", label=pgettext_lazy("adjustments", "Reference")),
        Column(key="reason", label=pgettext_lazy("adjustments", "Reason"), sort="reason"),
        Column(key="state", label=pgettext_lazy("adjustments", "State"), sort="state"),
        Column(key="who", label=pgettext_lazy("adjustments", "Proposed by")),
        Column(key="amount", label=pgettext_lazy("adjustments", "Amount"), sort="amount_minor", align="num"),
        Column(key="created", label=pgettext_lazy("adjustments", "Time"), sort="created_at", align="end"),
    ],
)


@guard("wallets.view")
@require_GET
def index(request: Any) -> HttpResponse:
    rows, view = adjustments.visible(request.actor), request.GET.get("view", "")
    if view == "waiting":
        rows = rows.filter(state=Decision.PROPOSED)
    waiting = adjustments.waiting(request.actor).count()
    context = {"table": build_table(TABLE, rows, request), "view": view, "waiting": waiting}
    template = "wallets/office/adjustments.html#rows" if request.htmx else "wallets/office/adjustments.html"
    return page(request, template, context)


@guard("wallets.adjust.propose")
def propose(request: Any, client_id: UUID) -> HttpResponse:
    """First pair of eyes, about one client."""
    client = scoped(request.actor, ADJUST_PROPOSE, Client.objects.all()).filter(pk=client_id).first()
    if client is None:
        raise NotFound
    wallets = wallets_of(client.pk)
    codes = [wallet.currency for wallet in wallets] or [client.currency]
    form = AdjustmentForm(request.POST or None, currencies=codes, wanted=request.GET.get("currency", ""))
    if request.method == "POST" and form.is_valid():
        row = _proposed(request, form, client)
        if row is not None:
            messages.success(request, pgettext("adjustments", "Proposed. Another person has to approve it."))
            return redirect("wallets:adjustment", row.pk)
    context = {"form": form, "client": client, "wallets": wallets}
    return page(
        request, "wallets/office/adjustment_new.html", context, status=422 if request.method == "POST" else 200
    )  # fmt: skip


def _proposed(request: Any, form: AdjustmentForm, client: Client) -> Adjustment | None:
    data = form.cleaned_data
    try:
        return adjustment_propose(
            actor=request.actor, client=client, amount=form.amount, reason=data["reason"], text=data["text"]
        )
    except Invalid as error:
        form.refuse(error)
        return None


@guard("wallets.view")
@require_GET
def adjustment(request: Any, adjustment_id: UUID) -> HttpResponse:
    row, actor = adjustments.get(request.actor, adjustment_id), request.actor
    waits, own = row.state == Decision.PROPOSED, row.proposer_id == request.actor.id
    may_refuse = actor.may(ADJUST_PROPOSE, row.client) or actor.may(ADJUST_APPROVE, row.client)
    context = {
        "row": row,
        "wallet": wallet_of(row.client_id, row.currency),
        "own": waits and own,
        "may_approve": waits and not own and actor.may(ADJUST_APPROVE, row.client),
        "may_refuse": waits and may_refuse,
    }
    return page(request, "wallets/office/adjustment.html", context, live=[f"client:{row.client_id}"])


@guard("wallets.adjust.approve")
@require_POST
def approve(request: Any, adjustment_id: UUID) -> HttpResponse:
    row = adjustments.get(request.actor, adjustment_id)
    try:
        adjustment_approve(actor=request.actor, adjustment_id=row.pk)
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("adjustments", "Posted."))
    return redirect("wallets:adjustment", row.pk)


@guard("wallets.view")
@require_POST
def refuse(request: Any, adjustment_id: UUID) -> HttpResponse:
    row = adjustments.get(request.actor, adjustment_id)
    try:
        adjustment_refuse(actor=request.actor, adjustment_id=row.pk, reason=request.POST.get("reason", ""))
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("adjustments", "Closed; nothing has moved."))
    return redirect("wallets:adjustment", row.pk)
