"""The statement of any account of the ledger, at any past instant: the house's, and clients' as far as their reader reaches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from kernel import audit, clock
from kernel.errors import Invalid, NotFound
from kernel.guards import guard
from kernel.pages import page
from kernel.permissions import scoped
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import CLIENT, HOUSE, client_owner

from .. import paper
from ..permissions_list import VIEW
from ..statement_views import given_in, named, period_values
from ..statements import Statement, moment_of, period_of, statement_made
from ..words import account_names, account_words

LINES = 200
ACCOUNTS = 100


def _reached(request: Any) -> Any:
    return scoped(request.actor, VIEW, Client.objects.all())


def _account(request: Any, account_id: int) -> tuple[Account, Client | None]:
    """An account, and the client whose it is. Raises NotFound where that client is out of reach."""
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound
    if not account.owner.startswith(CLIENT):
        return account, None
    try:
        client_id = UUID(account.owner.removeprefix(CLIENT))
    except ValueError as error:
        raise NotFound from error
    client: Client | None = _reached(request).filter(pk=client_id).first() if request.actor.may(VIEW) else None
    if client is None:
        raise NotFound
    return account, client


def _statement(request: Any, account_id: int, given: dict[str, str]) -> Statement:
    """Raises NotFound, Invalid for the period."""
    period = period_of(given, timezone.get_current_timezone())
    account, client = _account(request, account_id)
    return statement_made(account, period, client=client, name=account_words(account.kind, account_names()))


@guard("ledger.view")
@require_GET
def statement(request: Any, account_id: int) -> HttpResponse:
    """A period of it, page by page; a period that cannot be is told, and the present month shown in its place."""
    problem = ""
    try:
        found = _statement(request, account_id, request.GET.dict())
    except Invalid as error:
        problem, found = str(error), _statement(request, account_id, {})
    text = request.GET.get("after", "")
    after = int(text) if text.isdecimal() and len(text) < 19 else 0
    lines, more = found.page(after=after, size=LINES)
    values = period_values(request, found, timezone.get_current_timezone(), problem)
    onward = urlencode({**given_in(request), "after": str(lines[-1].entry_id)}) if more and lines else ""
    context = {**values, "account": found.account, "client": found.client, "lines": lines, "after": after,
               "onward": f"?{onward}" if onward else "", "from_start": values["query"] or "?",
               "files": f"{values['query'] or '?'}&" if values["query"] else "?"}  # fmt: skip
    return page(request, "wallets/office/account.html", context)


def _told(request: Any, found: Statement) -> None:
    audit.record(
        actor=request.actor, action="wallets.account_exported", label=f"{found.name} {found.currency}",
        subject=found.client.pk if found.client else "", after={"what": named(found)},
    )  # fmt: skip


@guard("ledger.view")
@require_GET
def statement_file(request: Any, account_id: int) -> HttpResponseBase:
    found = _statement(request, account_id, request.GET.dict())
    _told(request, found)
    zone = timezone.get_current_timezone()
    return paper.file_answer(request, named(found), zone, paper.statement_head(), lambda: paper.statement_rows(found))


@guard("ledger.view")
@require_GET
def statement_pdf(request: Any, account_id: int) -> HttpResponse:
    found = _statement(request, account_id, request.GET.dict())
    data = paper.statement_pdf(found, timezone.get_current_timezone())
    _told(request, found)
    return paper.pdf_answer(data, named(found))


@guard("ledger.view")
@require_GET
def of_clients(request: Any, kind: str, currency: str) -> HttpResponse:
    """Clients' accounts behind one line of the trial balance, each with its balance at the instant."""
    zone, problem, text = timezone.get_current_timezone(), "", request.GET.get("to", "")
    try:
        moment = moment_of(text, zone, "to", whole_day=True) or clock.now()
    except Invalid as error:
        moment, problem, text = clock.now(), str(error), ""
    after = request.GET.get("after", "")
    start = int(after) if after.isdecimal() and len(after) < 19 else 0
    clients = _reached(request) if request.actor.may(VIEW) else Client.objects.none()
    found = ledger.clients_accounts(kind, currency, clients=clients, after=start, limit=ACCOUNTS + 1)
    shown = found[:ACCOUNTS]
    balances = ledger.balances_at(shown, moment)
    owners = {client_owner(client.pk): client for client in clients.filter(pk__in=_clients_of(shown))}
    given = {"to": text} if text else {}
    onward = urlencode({**given, "after": str(shown[-1].pk)}) if len(found) > ACCOUNTS else ""
    names = account_names()
    context = {
        "rows": [
            (account, owners.get(account.owner), balances[account.pk],
             account_words(account.kind, names) if account.kind != kind else "")
            for account in shown
        ], "problem": problem,
        "name": account_words(kind, names), "currency": currency, "moment": moment,
        "until": f"?{urlencode(given)}" if given else "", "onward": f"?{onward}" if onward else "",
    }  # fmt: skip
    return page(request, "wallets/office/accounts.html", context)


def _clients_of(accounts: list[Account]) -> list[str]:
    return [account.owner.removeprefix(CLIENT) for account in accounts if account.owner != HOUSE]
