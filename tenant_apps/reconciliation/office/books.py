"""How the house stands: clearing accounts with their age, the three sides, trading platforms."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel import clock
from kernel.errors import NotFound
from kernel.guards import guard
from kernel.money import CURRENCIES
from kernel.pages import page

from .. import banks, selectors, standing
from .. import sides as three

DAYS = 14  # statement days of a bank account


@guard("reconciliation.view")
@require_GET
def clearing(request: Any) -> HttpResponse:
    context = {"rows": standing.owed(), "banks": banks.stands(until=clock.today()), "tab": "clearing"}
    return page(request, "reconciliation/clearing.html", context)


@guard("reconciliation.view")
@require_GET
def clearing_account(request: Any, account_id: UUID, currency: str) -> HttpResponse:
    """Which deposits make up what this provider owes."""
    account = selectors.account_get(account_id)
    if currency not in CURRENCIES:
        raise NotFound
    context = {
        "account": account, "currency": currency, "rows": standing.making_up(account_id, currency), "tab": "clearing",
        "most": standing.SHOWN,
        "banks": [
            one for one in banks.stands(until=clock.today(), account=account_id, days=DAYS) if one.currency == currency
        ],
        "crumbs": [(pgettext("reconciliation tab", "Clearing"), reverse("reconciliation:clearing"))],
    }  # fmt: skip
    return page(request, "reconciliation/clearing_account.html", context)


@guard("reconciliation.view")
@require_GET
def sides(request: Any) -> HttpResponse:
    return page(request, "reconciliation/sides.html", {"rows": three.sides(), "tab": "sides"})


@guard("reconciliation.view")
@require_GET
def platforms(request: Any) -> HttpResponse:
    context = {
        "rows": standing.platforms(), "apart": standing.accounts_apart(), "cases": standing.trading_cases()[:50],
        "nights": standing.nights(),
        "may_cases": request.actor.may("trading.cases.view"), "may_accounts": request.actor.may("trading.view"),
        "tab": "platforms",
    }  # fmt: skip
    return page(request, "reconciliation/platforms.html", context, live=["money"])
