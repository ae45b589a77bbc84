"""A client's wallets and what happened in them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from kernel.errors import NotFound
from kernel.guards import client_only
from kernel.pages import page

from ..selectors import history, wallet_of, wallets_of
from ..transfers import policies_offered

PAGE = 50


@client_only
@require_GET
def wallets(request: Any) -> HttpResponse:
    template = "wallets/portal_wallets.html#cards" if request.htmx else "wallets/portal_wallets.html"
    return page(
        request, template, {"wallets": wallets_of(request.client.pk), "may_send": bool(policies_offered())}, live=[f"client:{request.client.pk}"]
    )  # fmt: skip


@client_only
@require_GET
def wallet(request: Any, currency: str) -> HttpResponse:
    """History by keyset paging: `before` is the last entry shown."""
    found = wallet_of(request.client.pk, currency)
    if found is None:
        raise NotFound
    before = request.GET.get("before", "")
    lines = history(
        request.client.pk, currency, before_entry=int(before) if before.isdecimal() else None, limit=PAGE + 1
    )
    context = {"wallet": found, "lines": lines[:PAGE], "more": lines[PAGE - 1].entry_id if len(lines) > PAGE else None}
    template = "wallets/portal_wallet.html#lines" if request.htmx else "wallets/portal_wallet.html"
    return page(request, template, context, live=[f"client:{request.client.pk}"])
