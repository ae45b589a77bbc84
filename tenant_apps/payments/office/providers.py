"""Provider accounts and their rules: keys, test, webhook address, who may pay with what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import clock, secrets
from kernel.errors import AppError, Invalid, NotFound
from kernel.guards import guard
from kernel.ids import uuid7
from kernel.pages import page
from kernel.ui.guides import rendered
from tenant_apps.wallets.change_told import proposed, told

from .. import addresses, registry, selectors
from ..change_kinds import only_switched_off, row_values
from ..guides import guide_of
from ..models import ChangeState, MethodRule, ProposedChange, ProviderAccount
from ..payouts import payouts_used
from ..services.changes import ChangeWaits, change_propose
from ..services.health import back_off_lift, held_back
from ..services.maintenance import maintenance_ahead
from ..services.providers import (
    method_rule_save,
    provider_account_test,
    provider_webhook_register,
)
from ..services.withdrawal_fees import ways_of
from .forms import ProviderForm
from .rule_forms import RuleForm


@guard("payments.provider.edit")
@require_GET
def index(request: Any) -> HttpResponse:
    accounts = ProviderAccount.objects.prefetch_related("rules").order_by("position", "created_at")
    now = clock.now()
    shut = {row.provider_account_id for row in maintenance_ahead() if row.starts_at <= now and not row.method}
    context = {
        "accounts": [(account, held_back(account, now), account.pk in shut) for account in accounts],
        "kinds": [adapter.capabilities for adapter in registry.adapters().values()],
    }
    return page(request, "payments/office/providers.html", context)


@guard("payments.provider.edit")
@require_GET
def guide(request: Any, kind: str) -> HttpResponse:
    """How to connect this kind: where its keys are, what to register there, what is special about it. In English."""
    text = guide_of(kind)
    if text is None:
        raise NotFound
    title, _, rest = text.partition("\n")
    context = {"kind": kind, "title": title.lstrip("# "), "guide": rendered(rest)}
    return page(request, "payments/office/provider_guide.html", context)


def _save(request: Any, form: ProviderForm, account: ProviderAccount | None) -> ProposedChange | None:
    if not form.is_valid():
        return None
    values = {
        "kind": form.kind, "settings": dict(form.values(secret=False)), "payouts": form.cleaned_data.get("payouts", []),
        "refund_days": form.refund_days(),
        **{name: form.cleaned_data[name] for name in ("name", "mode", "methods", "enabled", "backoff_after", "backoff_hides")},
    }  # fmt: skip
    try:
        row = change_propose(
            actor=request.actor, kind="provider", object_id=account.pk if account else uuid7(), title=values["name"],
            values=values, keys=form.values(secret=True),
        )  # fmt: skip
    except (Invalid, ChangeWaits) as error:
        form.refuse(error)
        return None
    told(request, row)
    return row


@guard("payments.provider.edit")
def new(request: Any, kind: str) -> HttpResponse:
    if kind not in registry.adapters():
        raise NotFound
    form = ProviderForm(request.POST or None, kind=kind)
    if request.method == "POST" and (row := _save(request, form, None)):
        if row.state == ChangeState.WAITING:
            return redirect("payments:providers")
        return redirect("payments:provider", row.object_id)
    return page(
        request, "payments/office/provider.html",
        {"form": form, "capabilities": form.capabilities, "has_guide": guide_of(kind) is not None},
        status=422 if request.method == "POST" else 200,
    )  # fmt: skip


@guard("payments.provider.edit")
def edit(request: Any, account_id: UUID) -> HttpResponse:
    account = selectors.provider_account_get(account_id)
    form = ProviderForm(request.POST or None, kind=account.kind, account=account)
    if request.method == "POST" and _save(request, form, account):
        return redirect("payments:provider", account.pk)
    context = {
        "form": form,
        "account": account,
        "capabilities": form.capabilities,
        "has_guide": guide_of(account.kind) is not None,
        "webhook_url": addresses.webhook_url(account.pk),
        "has_webhook_secret": "webhook_secret" in secrets.hints_of(account.secrets_owner),
        "registers": hasattr(registry.adapter_class(account.kind), "register_webhook"),
        "rules": account.rules.order_by("currency", "position", "created_at"),
        "payout_rules": account.payout_rules.order_by("currency", "position", "created_at"),
        "pays_out": payouts_used(account),
        "fees": account.withdrawal_fees.order_by("currency", "position", "created_at"),
        "pays": bool(ways_of(account.kind)),
        "maintenance": maintenance_ahead(account),
        "held_back": held_back(account, clock.now()),
    }
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/provider.html", context, status=status)


@guard("payments.provider.edit")
@require_POST
def test(request: Any, account_id: UUID) -> HttpResponse:
    account = selectors.provider_account_get(account_id)
    report = provider_account_test(actor=request.actor, account=account)
    text = " · ".join([report.account, *report.details]).strip(" ·")
    if report.good:
        messages.success(request, pgettext("payments", "The connection works: %(who)s") % {"who": text})
    else:
        messages.error(request, pgettext("payments", "The connection does not work: %(why)s") % {"why": text})
    return redirect("payments:provider", account.pk)


@guard("payments.provider.edit")
@require_POST
def webhook(request: Any, account_id: UUID) -> HttpResponse:
    account = selectors.provider_account_get(account_id)
    try:
        provider_webhook_register(actor=request.actor, account=account)
    except AppError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("payments", "The provider now calls us at this address."))
    return redirect("payments:provider", account.pk)


@guard("payments.provider.edit")
@require_POST
def lift(request: Any, account_id: UUID) -> HttpResponse:
    account = selectors.provider_account_get(account_id)
    back_off_lift(actor=request.actor, account_id=account.pk)
    messages.success(request, pgettext("payments", "It is offered as before."))
    return redirect("payments:provider", account.pk)


def _rule_saved(request: Any, account: ProviderAccount, form: RuleForm) -> bool:
    """A second person agrees, unless the method is only switched off."""
    rule = form.result()
    if not only_switched_off(rule):
        method = registry.capabilities(account.kind).method(rule.method)
        title = f"{account.name} · {method.label if method else rule.method} · {rule.currency}"
        return proposed(request, form, kind="method_rule", object_id=rule.pk, title=title, values=row_values(rule))
    try:
        method_rule_save(actor=request.actor, rule=rule)
    except Invalid as error:
        form.refuse(error)
        return False
    messages.success(request, pgettext("payments", "It is not offered any more."))
    return True


def _rule_page(request: Any, account: ProviderAccount, rule: MethodRule | None) -> HttpResponse:
    form = RuleForm(request.POST or None, account=account, rule=rule)
    if request.method == "POST" and form.is_valid() and _rule_saved(request, account, form):
        return redirect("payments:provider", account.pk)
    context = {"form": form, "account": account, "rule": rule}
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/rule.html", context, status=status)


@guard("payments.provider.edit")
def rule(request: Any, account_id: UUID) -> HttpResponse:
    return _rule_page(request, selectors.provider_account_get(account_id), None)


@guard("payments.provider.edit")
def rule_edit(request: Any, rule_id: UUID) -> HttpResponse:
    found = MethodRule.objects.select_related("provider_account").filter(pk=rule_id).first()
    if found is None:
        raise NotFound
    return _rule_page(request, found.provider_account, found)
