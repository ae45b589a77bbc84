"""Exchange between a client's own wallets: what it would cost, a quote that stands for seconds, its confirmation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import clock, throttle
from kernel.errors import AppError, Invalid, NotFound
from kernel.guards import client_only
from kernel.pages import page
from kernel.tenancy import context
from tenant_apps.clients.models import KycState

from ..models import Exchange, ExchangeState
from ..rates import exchange_policy
from ..selectors import wallets_of
from ..services.exchange import exchange_confirm, exchange_priced, exchange_quote
from .forms import ExchangeForm, chosen


def _own(request: Any, exchange_id: UUID) -> Exchange:
    row = Exchange.objects.filter(pk=exchange_id, client_id=request.client.pk).first()
    if row is None:
        raise NotFound
    return row


def _form(request: Any, data: Any) -> tuple[ExchangeForm, list[Any], list[str]]:
    """The form as typed so far, the wallets that can give, the currencies that can be had."""
    wallets = wallets_of(request.client.pk)
    offered = [str(code) for code in context.tenant().setting("currencies") or []]
    targets = sorted({wallet.currency for wallet in wallets} | set(offered))
    named = data or request.GET
    give = chosen(named.get("give"), [wallet.currency for wallet in wallets if wallet.available] or targets)
    get = chosen(named.get("get"), targets, besides=give)
    return ExchangeForm(data, give=give, get=get), wallets, sorted({*targets, get})


def _shown(request: Any, form: ExchangeForm, wallets: list[Any], targets: list[str]) -> dict[str, Any]:
    policy = exchange_policy()
    return {
        "form": form,
        "wallets": wallets,
        "targets": targets,
        "policy": policy,
        "wallet": next((wallet for wallet in wallets if wallet.currency == form.give_currency), None),
        "verified": request.client.kyc_state == KycState.APPROVED,
    }


def _preview(request: Any, form: ExchangeForm) -> dict[str, Any] | None:
    if not form.is_bound or not form.is_valid():
        return None
    try:
        row = exchange_priced(
            client=request.client, amount=form.amount, give_currency=form.give_currency, get_currency=form.get_currency
        )
    except Invalid as error:
        return {"problem": str(error)}
    return {"row": row}


@client_only
def exchange(request: Any) -> HttpResponse:
    """Choose two wallets and an amount; what it would be is shown while typing."""
    if request.method == "POST":
        return _quoted(request)
    form, wallets, targets = _form(request, request.GET if "amount" in request.GET else None)
    values = _shown(request, form, wallets, targets) | {"preview": _preview(request, form)}
    part = "#form" if request.htmx and request.GET.get("part") == "form" else ""
    return page(request, f"wallets/portal_exchange.html{part}", values)


def _quoted(request: Any) -> HttpResponse:
    throttle.check("exchange", str(request.client.pk), burst=20, per_minute=20)
    form, wallets, targets = _form(request, request.POST)
    if form.is_valid():
        try:
            row = exchange_quote(
                actor=request.actor, client=request.client, amount=form.amount,
                give_currency=form.give_currency, get_currency=form.get_currency,
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            return redirect("wallets:exchange-quote", row.pk)
    return page(request, "wallets/portal_exchange.html", _shown(request, form, wallets, targets), status=422)


@client_only
@require_GET
def quote(request: Any, exchange_id: UUID) -> HttpResponse:
    """A quote with the seconds it still stands, what became of it, or that its time is over."""
    return _quote_page(request, _own(request, exchange_id))


def _quote_page(request: Any, row: Exchange, *, problem: str = "", status: int = 200) -> HttpResponse:
    left = max(0, int((row.expires_at - clock.now()).total_seconds()))
    values = {
        "row": row,
        "left": left,
        "done": row.state == ExchangeState.DONE,
        "expired": row.state == ExchangeState.QUOTED and left == 0,
        "problem": problem,
    }
    template = "wallets/portal_exchange_quote.html#body" if request.htmx else "wallets/portal_exchange_quote.html"
    return page(request, template, values, status=status)


@client_only
@require_POST
def confirm(request: Any, exchange_id: UUID) -> HttpResponse:
    row = _own(request, exchange_id)
    try:
        exchange_confirm(actor=request.actor, exchange_id=row.pk)
    except AppError as error:
        row.refresh_from_db()
        return _quote_page(request, row, problem=str(error) or pgettext("exchange", "Not possible."), status=422)
    return redirect("wallets:exchange-quote", row.pk)
