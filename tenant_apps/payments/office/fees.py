"""What withdrawals by a provider's ways cost clients: proposed here, in force when a second person agrees."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect

from kernel.guards import guard
from kernel.pages import page
from tenant_apps.wallets.change_told import proposed

from .. import selectors
from ..change_kinds import row_values
from ..models import ProviderAccount, WithdrawalFee
from ..words import method_name
from .fee_forms import WithdrawalFeeForm


@guard("payments.provider.edit")
def new(request: Any, account_id: UUID) -> HttpResponse:
    account = selectors.provider_account_get(account_id)
    used = account.currencies or list(account.rules.values_list("currency", flat=True).distinct())
    return _form_page(request, account, WithdrawalFee(provider_account=account, currency=(used or ["EUR"])[0]))


@guard("payments.provider.edit")
def edit(request: Any, fee_id: UUID) -> HttpResponse:
    row = selectors.withdrawal_fee_get(fee_id)
    return _form_page(request, row.provider_account, row)


def _form_page(request: Any, account: ProviderAccount, row: WithdrawalFee) -> HttpResponse:
    form = WithdrawalFeeForm(request.POST or None, account=account, row=row, asked=request.GET)
    if request.method == "POST" and form.is_valid() and _proposed(request, form):
        return redirect("payments:provider", account.pk)
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/withdrawal_fee.html", {"form": form, "account": account}, status=status)


def _proposed(request: Any, form: WithdrawalFeeForm) -> bool:
    row = form.result()
    title = f"{form.account.name} · {method_name(row.method)} · {row.currency}"
    return proposed(request, form, kind="withdrawal_fee", object_id=row.pk, title=title, values=row_values(row))
