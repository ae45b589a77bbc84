"""A client's wallet statement for staff, on screen and on paper."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from kernel.errors import NotFound
from kernel.guards import guard
from kernel.pages import page
from kernel.permissions import scoped
from tenant_apps.clients.models import Client

from ..permissions_list import VIEW
from ..selectors import history, wallet_of


@guard("wallets.view")
@require_GET
def statement(request: Any, client_id: UUID, currency: str) -> HttpResponse:
    client = scoped(request.actor, VIEW, Client.objects.all()).filter(pk=client_id).first()
    wallet = wallet_of(client.pk, currency) if client else None
    if client is None or wallet is None:
        raise NotFound
    before = request.GET.get("before", "")
    lines = history(client.pk, currency, before_entry=int(before) if before.isdecimal() else None, limit=201)
    context = {
        "client": client,
        "wallet": wallet,
        "lines": lines[:200],
        "more": lines[199].entry_id if len(lines) > 200 else None,
    }
    return page(request, "wallets/statement.html", context, live=[f"client:{client.pk}"])
