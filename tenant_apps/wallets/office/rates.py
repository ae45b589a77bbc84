"""Exchange rates in the office: what is known and how old it is, rates by hand with four eyes, mark-ups and rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import Invalid, NotFound
from kernel.guards import guard
from kernel.money import CURRENCIES
from kernel.pages import page
from kernel.ui.charts import Chart, Series

from .. import rates, registry
from ..change_kinds import POLICY
from ..change_kinds import markup_id as pair_id
from ..change_told import proposed, told
from ..models import ExchangePolicy, pair_key
from ..permissions_list import RATES_APPROVE, RATES_PROPOSE, SETTINGS
from ..services.changes import ChangeWaits, change_propose
from ..services.rates import (
    exchange_close,
    manual_rate_approve,
    manual_rate_propose,
    manual_rate_reject,
    rates_refresh,
)
from .forms import ExchangeForm, MarkupForm, RateForm


@guard("wallets.rates.view")
@require_GET
def index(request: Any) -> HttpResponse:
    """Every pair's newest rate, and what one currency costs in another after the mark-up."""
    policy = rates.exchange_policy()
    actor = request.actor
    context = {
        "policy": policy,
        "shown": rates.shown_rates(policy),
        "states": rates.source_states(),
        "markups": rates.markups(),
        "waiting": rates.manual_waiting(),
        "decided": rates.manual_decided(),
        "asked": _asked(request, policy),
        "currencies": rates.currencies_known(),
        "may_propose": actor.may(RATES_PROPOSE),
        "may_approve": actor.may(RATES_APPROVE),
        "may_set": actor.may(SETTINGS),
    }
    return page(request, "wallets/office/rates.html", context)


def _asked(request: Any, policy: Any) -> dict[str, Any] | None:
    """The price of the pair somebody asks for, or why there is none."""
    base, quote = request.GET.get("base", ""), request.GET.get("quote", "")
    if not {base, quote} <= CURRENCIES.keys() or base == quote:
        return None
    try:
        found = rates.price_now(base, quote, policy)
    except Invalid as error:
        return {"base": base, "quote": quote, "problem": str(error)}
    bps = rates.markup_bps(base, quote, policy)
    return {"base": base, "quote": quote, "price": found, "bps": bps, "applied": found.applied(bps)}


@guard("wallets.rates.view")
@require_GET
def history(request: Any) -> HttpResponse:
    """A pair over time."""
    base, _, quote = request.GET.get("pair", "").partition("/")
    rows = rates.history_of(pair_key(base, quote))
    if not rows:
        raise NotFound
    newest = rows[0]
    same = [row for row in reversed(rows) if row.base == newest.base]
    chart = Chart(
        kind="line", x=[row.observed_at for row in same], places=5,
        series=[Series(name=f"{newest.base}/{newest.quote}", values=[row.mid for row in same])],
    )  # fmt: skip
    return page(request, "wallets/office/rate_history.html", {"rows": rows, "newest": newest, "chart": chart})


@guard("wallets.rates.propose")
def propose(request: Any) -> HttpResponse:
    """First pair of eyes."""

    def save(data: dict[str, Any]) -> None:
        manual_rate_propose(actor=request.actor, **data)

    wanted = {name: request.GET[name] for name in ("base", "quote") if request.GET.get(name) in CURRENCIES}
    form = RateForm(request.POST or None, initial=wanted)
    words = pgettext("rates", "Proposed. Another person has to approve it.")
    return _form_page(request, form, save, pgettext("rates", "Set a rate by hand"), words)


@guard("wallets.settings.edit")
def markup(request: Any) -> HttpResponse:
    def save(data: dict[str, Any]) -> None:
        told(request, change_propose(
            actor=request.actor, kind="markup", object_id=pair_id(data["base"], data["quote"]), values=data,
            title=pair_key(data["base"], data["quote"]),
        ))  # fmt: skip

    title = pgettext("rates", "Mark-up of a pair")
    return _form_page(request, MarkupForm(request.POST or None), save, title)


@guard("wallets.settings.edit")
def rules(request: Any) -> HttpResponse:
    policy = rates.exchange_policy()
    form = ExchangeForm(request.POST or None, policy=policy)

    def save(data: dict[str, Any]) -> None:
        if _only_closes(policy, form.values()):
            exchange_close(actor=request.actor)
            messages.success(request, pgettext("payments", "Saved."))
            return
        title = pgettext("rates", "Rules of exchange")
        told(request, change_propose(
            actor=request.actor, kind="exchange_rules", object_id=POLICY, title=title, values=form.values()
        ))  # fmt: skip

    return _form_page(request, form, save, pgettext("rates", "Rules of exchange"))


def _only_closes(policy: ExchangePolicy, values: dict[str, Any]) -> bool:
    """Whether the exchange is closed and nothing else changed: that takes one person and no time."""
    changed = {name for name, value in values.items() if getattr(policy, name) != value}
    return changed == {"enabled"} and not values["enabled"]


def _form_page(
    request: Any, form: Any, save: Callable[[dict[str, Any]], None], title: str, done: str = ""
) -> HttpResponse:  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            save(form.cleaned_data)
        except (Invalid, ChangeWaits) as error:
            form.refuse(error)
        else:
            if done:
                messages.success(request, done)
            return redirect("wallets:rates")
    context = {"form": form, "title": title}
    return page(request, "wallets/office/rates_form.html", context, status=422 if request.method == "POST" else 200)


@guard("wallets.settings.edit")
@require_POST
def markup_remove_view(request: Any, markup_id: UUID) -> HttpResponse:
    row = next((row for row in rates.markups() if row.pk == markup_id), None)
    if row is None:
        raise NotFound
    proposed(request, kind="markup_gone", object_id=row.pk, title=row.pair, values={"markup_id": str(row.pk)})
    return redirect("wallets:rates")


@guard("wallets.rates.approve")
@require_POST
def approve(request: Any, rate_id: UUID) -> HttpResponse:
    row = manual_rate_approve(actor=request.actor, rate_id=rate_id)
    messages.success(request, pgettext("rates", "%(pair)s is in force.") % {"pair": f"{row.base}/{row.quote}"})
    return redirect("wallets:rates")


@guard("wallets.rates.view")
@require_POST
def reject(request: Any, rate_id: UUID) -> HttpResponse:
    manual_rate_reject(actor=request.actor, rate_id=rate_id, reason=request.POST.get("reason", ""))
    messages.success(request, pgettext("rates", "The proposal is closed."))
    return redirect("wallets:rates")


@guard("wallets.settings.edit")
@require_POST
def refresh(request: Any) -> HttpResponse:
    """Ask the feeds now. What goes wrong stands beside the source."""
    came = sum(rates_refresh(kind) for kind in registry.sources() if kind != "manual")
    words = pgettext("rates", "New rates: %(count)s.") if came else pgettext("rates", "Nothing new.")
    messages.info(request, words % {"count": came} if came else words)
    return redirect("wallets:rates")
