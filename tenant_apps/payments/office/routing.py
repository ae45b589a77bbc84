"""The rule tester and planned maintenance: what somebody would be offered, and what is not offered for a while."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import clock
from kernel.errors import Invalid
from kernel.guards import guard
from kernel.pages import page
from kernel.permissions import scoped
from tenant_apps.clients import entities
from tenant_apps.clients.models import Client, LegalEntity

from ..models import MethodRule, ProviderAccount
from ..permissions_list import VIEW
from ..services import routing
from ..services.maintenance import maintenance_ahead, maintenance_begin, maintenance_end
from ..services.routing import Offer, Situation
from .forms import MaintenanceForm
from .rule_forms import tags_in
from .situation_forms import SituationForm


def _client(request: Any, text: str) -> Client | None:
    """By number or the whole of an e-mail address, among those that this person may see."""
    if not text or not request.actor.may(VIEW):
        return None
    rows = scoped(request.actor, VIEW, Client.objects.all(), owner="owner_id", team="team_id")
    number = int(text) if text.isdecimal() and len(text) < 10 else None
    found = rows.filter(number=number) if number is not None else rows.filter(email=text.lower())
    return found.first()


def client_asked_for(request: Any, form: SituationForm) -> Client | None:
    """The client whom the form names; an error at the field where there is none."""
    text = form.cleaned_data["client"].strip()
    client = _client(request, text)
    if text and client is None:
        form.add_error("client", pgettext("rule tester", "Nobody has this number or address."))
    return client


def entity_asked_for(form: SituationForm, client: Client | None) -> LegalEntity | None:
    """The client's, else the one chosen, else the one of the country."""
    rows, chosen = form.entities, form.cleaned_data.get("entity")
    if client is not None:
        return next(
            (one for one in rows if one.pk == client.entity_id or not client.entity_id and one.is_default), None
        )
    if chosen:
        return next(one for one in rows if str(one.pk) == chosen)
    return entities.entity_for(form.cleaned_data["country"], rows)


def situation_of(form: SituationForm, client: Client | None, entity: LegalEntity | None) -> Situation:
    data = form.cleaned_data
    return Situation(
        currency=data["currency"],
        country=client.country if client else data["country"],
        level=routing.level_of(client) if client else int(data["level"] or 0),
        at=data["at"] or clock.now(),
        tags=frozenset(client.tags or ()) if client else frozenset(tags_in(data["tags"])),
        device=data.get("device") or "desktop",
        amount=data["amount"],
        entity=str(entity.pk) if entity else "",
    )


@guard("payments.provider.edit")
@require_GET
def tester(request: Any) -> HttpResponse:
    """Nobody is asked anything and nothing is written: the same judgement as the cashier's, shown with its reasons."""
    currencies = sorted(MethodRule.objects.values_list("currency", flat=True).distinct())
    asked = "currency" in request.GET
    form = SituationForm(request.GET if asked else None, currencies=currencies)
    context: dict[str, Any] = {"form": form, "maintenance": maintenance_ahead()}
    if asked and form.is_valid():
        client = client_asked_for(request, form)
        entity = entity_asked_for(form, client)
        situation = situation_of(form, client, entity)
        judged = routing.verdicts(situation, all_of_them=True)
        context |= {
            "about": client,
            "entity": entity,
            "level": situation.level,
            "offered": [_shown(offer, situation) for offer in routing.offers_in(judged)],
            "others": [one for one in judged if not one.good],
        }
    return page(request, "payments/office/routing.html", context)


def _shown(offer: Offer, situation: Situation) -> dict[str, Any]:
    rule = offer.rule_for(situation.amount) if situation.amount else None
    if rule is None or situation.amount is None:
        return {"offer": offer}
    fee, cost = routing.fee_of(rule, situation.amount), routing.cost_of(rule, situation.amount)
    passed_on = routing.passed_on_of(rule, situation.amount)
    return {"offer": offer, "exact": True, "fee": fee, "cost": cost, "passed_on": passed_on}


@guard("payments.provider.edit")
def maintenance(request: Any) -> HttpResponse:
    accounts = list(ProviderAccount.objects.order_by("position", "created_at"))
    wanted = request.GET.get("account", "")
    form = MaintenanceForm(request.POST or None, accounts=accounts, initial={"what": f"{wanted}:"})
    if request.method == "POST" and form.is_valid() and _begun(request, form, accounts):
        messages.success(request, pgettext("payments", "Saved."))
        return redirect("payments:routing")
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/maintenance.html", {"form": form}, status=status)


def _begun(request: Any, form: MaintenanceForm, accounts: list[ProviderAccount]) -> bool:
    data = form.cleaned_data
    account_id, _, method = data["what"].partition(":")
    try:
        maintenance_begin(
            actor=request.actor,
            account=next((account for account in accounts if str(account.pk) == account_id), None),
            method=method,
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            words=data["words"],
        )
    except Invalid as error:
        form.refuse(error)
        return False
    return True


@guard("payments.provider.edit")
@require_POST
def maintenance_over(request: Any, maintenance_id: UUID) -> HttpResponse:
    maintenance_end(actor=request.actor, maintenance_id=maintenance_id)
    messages.success(request, pgettext("payments", "It is offered again."))
    return redirect("payments:routing")
