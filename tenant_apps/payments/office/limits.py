"""Limits of withdrawals: a card per currency, set, changed and taken away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from kernel.guards import guard
from kernel.ids import uuid7
from kernel.money import CURRENCIES
from kernel.pages import page
from tenant_apps.wallets.change_told import proposed

from .. import selectors
from ..change_kinds import limits_values
from ..models import WithdrawalPolicy
from .limit_forms import LimitsForm


@guard("payments.limits.edit")
@require_GET
def index(request: Any) -> HttpResponse:
    context = {"policies": selectors.withdrawal_policies(), "unlimited": selectors.unlimited_currencies()}
    return page(request, "payments/office/limits.html", context)


@guard("payments.limits.edit")
def new(request: Any) -> HttpResponse:
    wanted = {"currency": request.GET.get("currency", "")}
    form = LimitsForm(request.POST or None, free=sorted(CURRENCIES), initial=wanted)
    return _form_page(request, form, None)


@guard("payments.limits.edit")
def edit(request: Any, policy_id: UUID) -> HttpResponse:
    policy = selectors.withdrawal_policy_get(policy_id)
    return _form_page(request, LimitsForm(request.POST or None, policy=policy), policy)


def _form_page(request: Any, form: LimitsForm, policy: WithdrawalPolicy | None) -> HttpResponse:
    if request.method == "POST" and form.is_valid() and _saved(request, form, policy):
        return redirect("payments:limits")
    context = {"form": form, "policy": policy}
    return page(request, "payments/office/limits_edit.html", context, status=422 if request.method == "POST" else 200)


def _saved(request: Any, form: LimitsForm, policy: WithdrawalPolicy | None) -> bool:
    data = form.cleaned_data
    values = limits_values(form.currency, data["kyc_level"] or 0, data["minimum"], data)
    object_id = policy.pk if policy else uuid7()
    return proposed(request, form, kind="limits", object_id=object_id, title=form.currency, values=values)


@guard("payments.limits.edit")
@require_POST
def remove(request: Any, policy_id: UUID) -> HttpResponse:
    policy = selectors.withdrawal_policy_get(policy_id)
    proposed(request, kind="limits_gone", object_id=policy.pk, title=policy.currency, values={})
    return redirect("payments:limits")
