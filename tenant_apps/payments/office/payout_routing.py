"""Through which account money goes out: the order, why an account would not be taken, and the rules themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel.errors import Invalid, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.wallets.change_told import proposed

from .. import selectors
from ..change_kinds import only_switched_off, row_values
from ..models import PayoutRule, ProviderAccount
from ..payouts import payouts_used
from ..services.payout_routing import Board, Way, accounts_of, rule_currencies
from ..services.providers import payout_rule_save
from ..words import method_name
from .routing import client_asked_for, entity_asked_for, situation_of
from .rule_forms import PayoutRuleForm, payout_methods_known
from .situation_forms import PayoutSituationForm


@guard("payments.provider.edit")
@require_GET
def tester(request: Any) -> HttpResponse:
    """Nothing is written: the same judgement as that of a withdrawal, shown with its reasons."""
    form = PayoutSituationForm(request.GET if "currency" in request.GET else None, currencies=rule_currencies())
    context: dict[str, Any] = {
        "form": form,
        "rules": PayoutRule.objects.select_related("provider_account").order_by(
            "currency", "method", "position", "created_at"
        ),
        "accounts": [
            account for account in ProviderAccount.objects.order_by("position", "created_at") if payouts_used(account)
        ],
    }
    if form.is_bound and form.is_valid():
        client = client_asked_for(request, form)
        entity = entity_asked_for(form, client)
        situation = situation_of(form, client, entity)
        ways = Board.of(situation).ways(form.cleaned_data["method"], country=situation.country)
        tried = accounts_of(ways)
        context |= {"about": client, "entity": entity, "level": situation.level, "asked": True, "tried": _rows(ways, tried),
                    "others": [way for way in ways if not way.good]}  # fmt: skip
    return page(request, "payments/office/payout_routing.html", context)


def _rows(ways: list[Way], tried: list[ProviderAccount]) -> list[Way]:
    """The way by which each account is taken: its first that is good."""
    return [next(way for way in ways if way.good and way.account.pk == account.pk) for account in tried]


@guard("payments.provider.edit")
def rule_new(request: Any, account_id: UUID) -> HttpResponse:
    account = selectors.provider_account_get(account_id)
    if not payout_methods_known(account):
        raise NotFound
    return _page(request, account, None)


@guard("payments.provider.edit")
def rule_edit(request: Any, rule_id: UUID) -> HttpResponse:
    found = PayoutRule.objects.select_related("provider_account").filter(pk=rule_id).first()
    if found is None:
        raise NotFound
    return _page(request, found.provider_account, found)


def _page(request: Any, account: ProviderAccount, rule: PayoutRule | None) -> HttpResponse:
    form = PayoutRuleForm(request.POST or None, account=account, rule=rule)
    if request.method == "POST" and form.is_valid() and _saved(request, account, form):
        return redirect("payments:payout-routing")
    status = 422 if request.method == "POST" else 200
    return page(
        request, "payments/office/payout_rule.html", {"form": form, "account": account, "rule": rule}, status=status
    )


def _saved(request: Any, account: ProviderAccount, form: PayoutRuleForm) -> bool:
    """A second person agrees, unless nothing goes out by the rule any more."""
    rule = form.result()
    if not only_switched_off(rule):
        title = f"{account.name} · {method_name(rule.method)} · {rule.currency}"
        return proposed(request, form, kind="payout_rule", object_id=rule.pk, title=title, values=row_values(rule))
    try:
        payout_rule_save(actor=request.actor, rule=rule)
    except Invalid as error:
        form.refuse(error)
        return False
    messages.success(request, pgettext("payments", "Nothing goes out by this rule any more."))
    return True
