"""Limits of deposits, what is unusual, and from when on clients show where their money comes from: one page, three lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel.errors import Invalid
from kernel.guards import guard
from kernel.pages import page

from ..models import DepositLimit, FundsThreshold, VelocityRule
from ..services.deposit_limits import SPANS, Row, row_get, row_remove, row_save
from .forms import DepositLimitForm, ThresholdForm, VelocityForm

FORMS: dict[type[Any], Callable[..., Any]] = {
    DepositLimit: DepositLimitForm,
    VelocityRule: VelocityForm,
    FundsThreshold: ThresholdForm,
}


@guard("payments.limits.edit")
@require_GET
def index(request: Any) -> HttpResponse:
    limits = DepositLimit.objects.order_by("currency", "kyc_level")
    context = {
        "limits": [(row, [row.of(window) for window in SPANS]) for row in limits],
        "windows": list(SPANS),
        "rules": VelocityRule.objects.order_by("measure", "hours"),
        "thresholds": FundsThreshold.objects.order_by("currency"),
    }
    return page(request, "payments/office/deposit_limits.html", context)


def _page(request: Any, row: Row, *, known: bool) -> HttpResponse:
    if request.method == "POST" and known and request.POST.get("remove"):
        row_remove(actor=request.actor, row=row)
        messages.success(request, pgettext("payments", "Removed."))
        return redirect("payments:deposit-limits")
    form = FORMS[type(row)](request.POST or None, row=row, known=known, asked=request.GET)
    if request.method == "POST" and form.is_valid() and _saved(request, form):
        messages.success(request, pgettext("payments", "Saved."))
        return redirect("payments:deposit-limits")
    context = {"form": form, "known": known, "kind": type(row).__name__}
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/deposit_limits_edit.html", context, status=status)


def _saved(request: Any, form: Any) -> bool:
    try:
        row_save(actor=request.actor, row=form.result())
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return False
    return True


@guard("payments.limits.edit")
def limit_new(request: Any) -> HttpResponse:
    return _page(request, DepositLimit(), known=False)


@guard("payments.limits.edit")
def limit_edit(request: Any, limit_id: UUID) -> HttpResponse:
    return _page(request, row_get(DepositLimit, limit_id), known=True)


@guard("payments.limits.edit")
def speed_new(request: Any) -> HttpResponse:
    return _page(request, VelocityRule(), known=False)


@guard("payments.limits.edit")
def speed_edit(request: Any, rule_id: UUID) -> HttpResponse:
    return _page(request, row_get(VelocityRule, rule_id), known=True)


@guard("payments.limits.edit")
def source_new(request: Any) -> HttpResponse:
    return _page(request, FundsThreshold(), known=False)


@guard("payments.limits.edit")
def source_edit(request: Any, threshold_id: UUID) -> HttpResponse:
    return _page(request, row_get(FundsThreshold, threshold_id), known=True)
