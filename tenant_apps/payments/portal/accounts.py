"""The client's payout accounts: the address book that withdrawals choose from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import throttle
from kernel.errors import AppError, Invalid, NotFound
from kernel.guards import client_only
from kernel.pages import page
from tenant_apps.wallets.selectors import wallets_of

from .. import selectors
from ..ports import PayoutMethod
from ..services.destinations import HOLDER, destination_add, destination_remove, payout_settings, usable
from ..services.payout_routing import methods_offered
from .forms import DestinationForm


def methods_for(client: Any) -> list[PayoutMethod]:
    """Ways out in any currency the client has, or holds their account in."""
    currencies = {wallet.currency for wallet in wallets_of(client.pk)} | {client.currency}
    found: dict[str, PayoutMethod] = {}
    for currency in sorted(currencies):
        for method in methods_offered(client, currency):
            found.setdefault(method.code, method)
    return list(found.values())


@client_only
@require_GET
def accounts(request: Any) -> HttpResponse:
    rules = payout_settings()
    rows = [(row, usable(row, rules)) for row in selectors.client_destinations(request.client.pk)]
    context = {"rows": rows, "methods": methods_for(request.client)}
    template = "payments/portal/accounts.html" + ("#rows" if request.htmx else "")
    return page(request, template, context, live=[f"client:{request.client.pk}"])


@client_only
def account_new(request: Any, method: str) -> HttpResponse:
    """The method's fields; added, it is verified by people before anything is paid to it."""
    known = next((one for one in methods_for(request.client) if one.code == method), None)
    if known is None:
        raise NotFound
    form = DestinationForm(request.POST or None, method=known, initial={HOLDER: request.client.bank_name})
    following = request.GET.get("next", "") or request.POST.get("next", "")
    if request.method == "POST" and form.is_valid():
        throttle.check("destination", str(request.client.pk), burst=10, per_minute=3)
        try:
            row = destination_add(
                actor=request.actor, client=request.client, method=known.code, details=form.cleaned_data
            )
        except Invalid as error:
            form.refuse(error)
        else:
            return _added(request, row, following)
    context = {"form": form, "method": known, "next": following}
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/portal/account_new.html", context, status=status)


def _added(request: Any, row: Any, following: str) -> HttpResponse:
    messages.success(request, pgettext("cashier", "The account is in your address book."))
    if following.startswith("/cashier/") and url_has_allowed_host_and_scheme(following, allowed_hosts=None):
        return redirect(f"{following}{'&' if '?' in following else '?'}destination={row.pk}")
    return redirect("payments:accounts")


@client_only
@require_POST
def account_remove(request: Any, destination_id: UUID) -> HttpResponse:
    try:
        destination_remove(actor=request.actor, destination_id=destination_id)
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("cashier", "The account is out of your address book."))
    return redirect("payments:accounts")
