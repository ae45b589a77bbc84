"""A client's own strategies: offering an account, hiding it, ending it."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import throttle
from kernel.errors import AppError
from kernel.guards import client_only
from kernel.pages import acted, page
from tenant_apps.trading.selectors import own_account

from .. import selectors
from ..forms import OfferForm
from ..models import Strategy
from ..services.strategies import may_offer, strategy_end, strategy_offer, strategy_show


@client_only
@require_GET
def index(request: Any) -> HttpResponse:
    values = {
        "strategies": list(selectors.own(request.client.pk)),
        "accounts": selectors.to_offer(request.client.pk),
    }
    return page(request, "copying/portal/mine.html", values)


@client_only
def offer(request: Any, account_id: UUID) -> HttpResponse:
    """Offer an account, or change what is said of it."""
    account = own_account(request.actor, account_id)
    row = Strategy.objects.filter(account=account).first()
    form = OfferForm(request.POST or None, account=account, strategy=row)
    if request.method == "POST" and form.is_valid():
        throttle.check("copying.offer", str(request.client.pk), burst=5, per_minute=1)
        try:
            strategy_offer(
                actor=request.actor, account=account, terms=form.terms(), consent=form.cleaned_data["consent"]
            )
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("strategy", "Sent. We look at it before others see it."))
            return redirect("copying:portal-mine")
    values = {"form": form, "account": account, "row": row, "fit": may_offer(account)}
    return page(request, "copying/portal/offer.html", values, status=422 if request.method == "POST" else 200)


@client_only
@require_POST
def show(request: Any, strategy_id: UUID) -> HttpResponse:
    act = partial(strategy_show, actor=request.actor, strategy_id=strategy_id, visible="visible" in request.POST)
    return acted(request, act, "copying:portal-mine", done=pgettext("trading server", "Saved."))


@client_only
@require_POST
def end(request: Any, strategy_id: UUID) -> HttpResponse:
    act = partial(strategy_end, actor=request.actor, strategy_id=strategy_id)
    return acted(request, act, "copying:portal-mine", done=pgettext("strategy", "Ended. It is off the board."))
