"""Transfers between clients in the office: what waits, what was, and the rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import Invalid
from kernel.guards import guard
from kernel.pages import page
from kernel.ui.tables import Column, TableSpec, build_table

from .. import transfers
from ..change_kinds import SENDING, limits_id, limits_values
from ..change_told import proposed
from ..models import TransferState
from ..permissions_list import SETTINGS, TRANSFER_APPROVE
from ..rates import exchange_policy
from ..services.transfers import (
    client_transfer_approve,
    client_transfer_reject,
    transfer_policy_remove,
    transfers_switch,
)
from .forms import TransferRulesForm

TABLE = TableSpec(
    default_sort="-created",
    page_size=40,
    columns=[
        Column(key="sender", label=pgettext_lazy("client transfers", "From")),
        Column(key="recipient", label=pgettext_lazy("client transfers", "To")),
        Column(key="reference", label=pgettext_lazy("client transfers", "Reference")),
        Column(key="state", label=pgettext_lazy("client transfers", "State"), sort="state"),
        Column(key="amount", label=pgettext_lazy("client transfers", "Amount"), sort="amount_minor", align="num"),
        Column(key="created", label=pgettext_lazy("client transfers", "Time"), sort="created_at", align="end"),
    ],
)


@guard("wallets.view")
@require_GET
def index(request: Any) -> HttpResponse:
    rows = transfers.visible(request.actor)
    view = request.GET.get("view", "")
    if view == "waiting":
        rows = rows.filter(state=TransferState.WAITING)
    context = {
        "table": build_table(TABLE, rows, request),
        "view": view,
        "waiting": transfers.waiting(request.actor).count(),
        "policy": exchange_policy(),
        "policies": transfers.policies(),
        "may_set": request.actor.may(SETTINGS),
    }
    template = "wallets/office/transfers.html#rows" if request.htmx else "wallets/office/transfers.html"
    return page(request, template, context)


@guard("wallets.view")
@require_GET
def transfer(request: Any, client_transfer_id: UUID) -> HttpResponse:
    row = transfers.get(request.actor, client_transfer_id)
    waits = row.state == TransferState.WAITING
    context = {"row": row, "may_decide": waits and request.actor.may(TRANSFER_APPROVE, row.sender)}
    return page(request, "wallets/office/transfer.html", context, live=[f"client:{row.sender_id}"])


@guard("wallets.transfer.approve")
@require_POST
def approve(request: Any, client_transfer_id: UUID) -> HttpResponse:
    row = transfers.get(request.actor, client_transfer_id)
    client_transfer_approve(actor=request.actor, client_transfer_id=row.pk)
    messages.success(request, pgettext("client transfers", "The money is with the recipient."))
    return redirect("wallets:client-transfer", row.pk)


@guard("wallets.transfer.approve")
@require_POST
def reject(request: Any, client_transfer_id: UUID) -> HttpResponse:
    row = transfers.get(request.actor, client_transfer_id)
    try:
        client_transfer_reject(actor=request.actor, client_transfer_id=row.pk, reason=request.POST.get("reason", ""))
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("client transfers", "Refused; the amount is available to the sender again."))
    return redirect("wallets:client-transfer", row.pk)


@guard("wallets.settings.edit")
@require_POST
def switch(request: Any) -> HttpResponse:
    on = request.POST.get("on") == "1"
    if on:
        return _switched_on(request)
    transfers_switch(actor=request.actor, on=False)
    messages.success(request, pgettext("client transfers", "Clients can no longer send to each other."))
    return redirect("wallets:client-transfers")


def _switched_on(request: Any) -> HttpResponse:
    """A second person agrees; switching it off takes one."""
    title = pgettext("client transfers", "Clients can send to each other.")
    proposed(request, kind="transfers_on", object_id=SENDING, title=title, values={})
    return redirect("wallets:client-transfers")


@guard("wallets.settings.edit")
def rules(request: Any) -> HttpResponse:
    """Limits of one currency; the currency stands in the address' query while the form is read."""
    known = {policy.currency: policy for policy in transfers.policies()}
    wanted = str((request.POST or request.GET).get("currency", ""))
    form = TransferRulesForm(request.POST or None, wanted=wanted, policy=known.get(wanted))
    if request.method == "POST" and form.is_valid():
        data, code = form.cleaned_data, form.currency
        values = limits_values(code, data["minimum"], data["daily"], data["approval"])
        if proposed(request, form, kind="transfer_limits", object_id=limits_id(code), title=code, values=values):
            return redirect("wallets:client-transfers")
    context = {"form": form, "policy": known.get(wanted)}
    return page(request, "wallets/office/transfer_rules.html", context, status=422 if request.method == "POST" else 200)


@guard("wallets.settings.edit")
@require_POST
def rules_remove(request: Any, policy_id: UUID) -> HttpResponse:
    transfer_policy_remove(actor=request.actor, policy_id=policy_id)
    messages.success(request, pgettext("client transfers", "This currency can no longer be sent."))
    return redirect("wallets:client-transfers")
