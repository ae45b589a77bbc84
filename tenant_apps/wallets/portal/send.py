"""Sending to another client, where the brokerage allows it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError, NotFound, TooMany
from kernel.guards import client_only
from kernel.ids import uuid7
from kernel.pages import page
from tenant_apps.clients.models import KycState

from .. import transfers
from ..models import ClientTransfer
from ..selectors import wallet_of
from ..services.transfers import client_transfer_cancel, client_transfer_send
from .forms import SendForm, chosen


@client_only
def send(request: Any) -> HttpResponse:
    policies = transfers.policies_offered()
    named = request.POST if request.method == "POST" else request.GET
    codes = [policy.currency for policy in policies]
    currency = chosen(named.get("currency"), [request.client.currency] if request.client.currency in codes else codes)
    form = SendForm(request.POST or None, currency=currency, initial={"key": uuid7().hex})
    if request.method == "POST" and form.is_valid():
        row = _sent(request, form)
        if row is not None:
            return redirect("wallets:sent", row.pk)
    context = {
        "form": form,
        "currency": currency,
        "policies": policies,
        "policy": next((policy for policy in policies if policy.currency == currency), None),
        "wallet": wallet_of(request.client.pk, currency),
        "verified": request.client.kyc_state == KycState.APPROVED,
        "recent": transfers.recent_of(request.client.pk),
    }
    return page(request, "wallets/portal_send.html", context, status=422 if request.method == "POST" else 200)


def _sent(request: Any, form: SendForm) -> ClientTransfer | None:
    data = form.cleaned_data
    try:
        return client_transfer_send(
            actor=request.actor, client=request.client, number=data["number"], email=data["email"],
            amount=data["amount"], key=data["key"], note=data["note"],
        )  # fmt: skip
    except TooMany:
        raise
    except AppError as error:
        form.refuse(error)
        return None


def _own(request: Any, client_transfer_id: UUID) -> ClientTransfer:
    row = (
        ClientTransfer.objects.select_related("recipient").filter(pk=client_transfer_id, sender=request.client).first()
    )
    if row is None:
        raise NotFound
    return row


@client_only
@require_GET
def sent(request: Any, client_transfer_id: UUID) -> HttpResponse:
    """Where a transfer of one's own stands."""
    row = _own(request, client_transfer_id)
    template = "wallets/portal_sent.html#body" if request.htmx else "wallets/portal_sent.html"
    return page(request, template, {"row": row}, live=[f"client:{request.client.pk}"])


@client_only
@require_POST
def cancel(request: Any, client_transfer_id: UUID) -> HttpResponse:
    row = _own(request, client_transfer_id)
    client_transfer_cancel(actor=request.actor, client_transfer_id=row.pk)
    return redirect("wallets:sent", row.pk)
