"""A client's own statements: a period of one wallet, all wallets at an instant; on screen, as CSV and on paper."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from kernel import throttle
from kernel.guards import client_only
from kernel.pages import page

from .. import paper
from ..statement_views import asked, balances_values, named, shown_values


@client_only
@require_GET
def statement(request: Any, currency: str) -> HttpResponse:
    zone = timezone.get_current_timezone()
    return page(request, "wallets/portal_statement.html", shown_values(request, request.client, currency, zone))


@client_only
@require_GET
def statement_csv(request: Any, currency: str) -> HttpResponseBase:
    zone = timezone.get_current_timezone()
    found = asked(request, request.client, currency, zone)
    return paper.file_answer(request, named(found), zone, paper.statement_head(), lambda: paper.statement_rows(found))


@client_only
@require_GET
def statement_pdf(request: Any, currency: str) -> HttpResponse:
    throttle.check("wallets.paper", str(request.client.pk), burst=10, per_minute=6)
    zone = timezone.get_current_timezone()
    found = asked(request, request.client, currency, zone)
    return paper.pdf_answer(paper.statement_pdf(found, zone), named(found))


@client_only
@require_GET
def balances(request: Any) -> HttpResponse:
    zone = timezone.get_current_timezone()
    return page(request, "wallets/portal_balances.html", balances_values(request, request.client, zone))


@client_only
@require_GET
def balances_pdf(request: Any) -> HttpResponse:
    throttle.check("wallets.paper", str(request.client.pk), burst=10, per_minute=6)
    zone = timezone.get_current_timezone()
    values = balances_values(request, request.client, zone)
    data = paper.balances_pdf(request.client, values["balances"], values["moment"], zone)
    return paper.pdf_answer(data, f"wallets-{request.client.number}")
