"""Statements of clients and the trial balance in the office. What leaves the house is audited, in the client's language."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import override
from django.views.decorators.http import require_GET

from kernel import audit, clock
from kernel.errors import Invalid, NotFound
from kernel.guards import guard
from kernel.pages import page
from kernel.permissions import scoped
from tenant_apps.clients.models import Client
from tenant_apps.clients.reading import zone_of

from .. import paper
from ..permissions_list import VIEW
from ..statement_views import asked, balances_values, named, shown_values
from ..statements import books_at, moment_of


def _client(request: Any, client_id: UUID) -> Client:
    client: Client | None = scoped(request.actor, VIEW, Client.objects.all()).filter(pk=client_id).first()
    if client is None:
        raise NotFound
    return client


def _told(request: Any, client: Client, what: str) -> None:
    audit.record(
        actor=request.actor, action="wallets.statement_exported", obj=client, subject=client.pk, after={"what": what}
    )


@guard("wallets.view")
@require_GET
def statement(request: Any, client_id: UUID, currency: str) -> HttpResponse:
    client = _client(request, client_id)
    values = shown_values(request, client, currency, zone_of(client))
    return page(request, "wallets/office/statement_period.html", {**values, "zone": zone_of(client)})


@guard("wallets.view")
@require_GET
def statement_csv(request: Any, client_id: UUID, currency: str) -> HttpResponseBase:
    client = _client(request, client_id)
    found = asked(request, client, currency, zone_of(client))
    _told(request, client, named(found))
    with override(client.language):
        head, rows = paper.statement_head(), lambda: paper.statement_rows(found)
        return paper.file_answer(request, named(found), zone_of(client), head, rows)


@guard("wallets.view")
@require_GET
def statement_pdf(request: Any, client_id: UUID, currency: str) -> HttpResponse:
    client = _client(request, client_id)
    found = asked(request, client, currency, zone_of(client))
    with override(client.language):
        data = paper.statement_pdf(found, zone_of(client))
    _told(request, client, named(found))
    return paper.pdf_answer(data, named(found))


@guard("wallets.view")
@require_GET
def balances(request: Any, client_id: UUID) -> HttpResponse:
    client = _client(request, client_id)
    values = balances_values(request, client, zone_of(client))
    return page(request, "wallets/office/balances.html", {**values, "zone": zone_of(client)})


@guard("wallets.view")
@require_GET
def balances_pdf(request: Any, client_id: UUID) -> HttpResponse:
    client = _client(request, client_id)
    values = balances_values(request, client, zone_of(client))
    with override(client.language):
        data = paper.balances_pdf(client, values["balances"], values["moment"], zone_of(client))
    _told(request, client, f"wallets-{client.number}")
    return paper.pdf_answer(data, f"wallets-{client.number}")


# --- the house's books


@guard("ledger.view")
@require_GET
def trial_balance(request: Any) -> HttpResponse:
    """Per currency, the house's accounts by kind and clients' summed, at any instant."""
    zone, problem = timezone.get_current_timezone(), ""
    try:
        moment = moment_of(request.GET.get("at", ""), zone, "at", whole_day=True) or clock.now()
    except Invalid as error:
        moment, problem = clock.now(), str(error)
    text = request.GET.get("at", "") if not problem else ""
    context = {
        "books": books_at(moment), "moment": moment, "problem": problem, "query": f"?{urlencode({'at': text})}" if text else "",
        "until": f"?{urlencode({'to': text})}" if text else "",
        "typed": f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}",
    }  # fmt: skip
    return page(request, "wallets/office/trial_balance.html", context)


@guard("ledger.view")
@require_GET
def trial_balance_csv(request: Any) -> HttpResponseBase:
    zone = timezone.get_current_timezone()
    moment = moment_of(request.GET.get("at", ""), zone, "at", whole_day=True) or clock.now()
    audit.record(actor=request.actor, action="wallets.trial_balance_exported", label=moment.isoformat())
    books = books_at(moment)
    head, rows = paper.books_head(), lambda: paper.books_rows(books)
    return paper.file_answer(request, f"trial-balance-{moment:%Y%m%d}", zone, head, rows)
