"""Limits of withdrawals: a card per currency, set, changed and taken away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import Invalid
from kernel.guards import guard
from kernel.money import CURRENCIES
from kernel.pages import page

from .. import selectors
from ..models import WithdrawalPolicy
from ..services.limits import withdrawal_policy_remove, withdrawal_policy_save
from .forms import LimitsForm


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
        messages.success(request, pgettext("payments", "Saved."))
        return redirect("payments:limits")
    context = {"form": form, "policy": policy}
    return page(request, "payments/office/limits_edit.html", context, status=422 if request.method == "POST" else 200)


def _saved(request: Any, form: LimitsForm, policy: WithdrawalPolicy | None) -> bool:
    try:
        withdrawal_policy_save(
            actor=request.actor,
            policy_id=policy.pk if policy else None,
            currency=form.currency,
            kyc_level=form.cleaned_data["kyc_level"] or 0,
            **{name: form.cleaned_data[name] for name in ("minimum", "daily", "weekly", "monthly")},
        )
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return False
    return True


@guard("payments.limits.edit")
@require_POST
def remove(request: Any, policy_id: UUID) -> HttpResponse:
    withdrawal_policy_remove(actor=request.actor, policy_id=policy_id)
    messages.success(request, pgettext("payments", "The limits are gone."))
    return redirect("payments:limits")
