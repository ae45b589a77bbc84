"""Limits of deposits, what is unusual, and from when on clients show where their money comes from: one page, three lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from kernel.guards import guard
from kernel.pages import page
from tenant_apps.wallets.change_told import proposed

from ..change_kinds import limit_kind, row_values
from ..models import DepositLimit, FundsThreshold, VelocityRule
from ..services.deposit_limits import SPANS, Row, limiting_packs, row_get
from .limit_forms import DepositLimitForm, ThresholdForm, VelocityForm

FORMS: dict[type[Any], Callable[..., Any]] = {
    DepositLimit: DepositLimitForm,
    VelocityRule: VelocityForm,
    FundsThreshold: ThresholdForm,
}


@guard("payments.limits.edit")
@require_GET
def index(request: Any) -> HttpResponse:
    limits, names = DepositLimit.objects.order_by("currency", "kyc_level", "pack"), limiting_packs()
    context = {
        "limits": [(row, names.get(row.pack, row.pack), [row.of(window) for window in SPANS]) for row in limits],
        "windows": list(SPANS),
        "rules": VelocityRule.objects.order_by("measure", "hours"),
        "thresholds": FundsThreshold.objects.order_by("currency"),
    }
    return page(request, "payments/office/deposit_limits.html", context)


def _page(request: Any, row: Row, *, known: bool) -> HttpResponse:
    if request.method == "POST" and known and request.POST.get("remove"):
        _removed(request, row)
        return redirect("payments:deposit-limits")
    form = FORMS[type(row)](request.POST or None, row=row, known=known, asked=request.GET)
    if request.method == "POST" and form.is_valid() and _saved(request, form):
        return redirect("payments:deposit-limits")
    context = {"form": form, "known": known, "kind": type(row).__name__}
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/deposit_limits_edit.html", context, status=status)


def _title(row: Row) -> str:
    return str(row.get_measure_display()) if isinstance(row, VelocityRule) else row.currency


def _removed(request: Any, row: Row) -> None:
    proposed(request, kind=limit_kind(row, gone=True), object_id=row.pk, title=_title(row), values={})


def _saved(request: Any, form: Any) -> bool:
    row = form.result()
    return proposed(
        request, form, kind=limit_kind(row), object_id=row.pk, title=_title(row), values=row_values(row)
    )  # fmt: skip


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
