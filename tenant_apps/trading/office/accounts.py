"""Trading accounts in the office: the list, one account, and what staff may do to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from kernel import audit
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from kernel.permissions import scoped
from kernel.ui.exports import download
from kernel.ui.tables import Column, TableSpec, build_table, with_query
from tenant_apps.clients.models import Client
from tenant_apps.trading import pages, selectors
from tenant_apps.trading.account_filter import AccountFilter, filter_choices
from tenant_apps.trading.caps import cap_of
from tenant_apps.trading.forms import LeverageForm, OpenForm, ReasonForm
from tenant_apps.trading.models import AccountState, AccountType, TradingAccount
from tenant_apps.trading.permissions_list import BULK_EDIT, EDIT, TRANSFER, VIEW
from tenant_apps.trading.services import accounts as services


def _kind_words(row: TradingAccount) -> str:
    return pgettext("trading account", "Live") if row.live else pgettext("trading account", "Demo")


TABLE = TableSpec(
    default_sort="-opened",
    page_size=50,
    columns=[
        Column(key="login", label=pgettext_lazy("trading account", "Login"), sort="login", export="login"),
        Column(key="client", label=pgettext_lazy("trading account", "Client"), sort="client__last_name",
               export="client.name"),
        Column(key="type", label=pgettext_lazy("trading account", "Type"), export="account_type.name"),
        Column(key="leverage", label=pgettext_lazy("trading account", "Leverage"), sort="leverage", align="num",
               export="leverage"),
        Column(key="balance", label=pgettext_lazy("trading account", "Balance"), sort="balance_minor", align="num",
               export="balance"),
        Column(key="equity", label=pgettext_lazy("trading account", "Equity"), sort="equity_minor", align="num",
               export="equity"),
        Column(key="floating", label=pgettext_lazy("trading account", "Open result"), sort="floating_minor",
               align="num", export="floating"),
        Column(key="opened", label=pgettext_lazy("trading account", "Opened"), sort="created_at", align="end",
               export="created_at"),
    ],
)  # fmt: skip
# What a file says besides, because no badge and no second line stand in it.
FILE = replace(
    TABLE,
    columns=[
        *TABLE.columns,
        Column(key="number", label=pgettext_lazy("trading account", "Client number"), export="client.number"),
        Column(key="server", label=pgettext_lazy("trading account", "Server"), export="server.name"),
        Column(key="currency", label=pgettext_lazy("account filter", "Currency"), export="currency"),
        Column(key="state", label=pgettext_lazy("trading account", "State"), export=TradingAccount.get_state_display),
        Column(key="live", label=pgettext_lazy("trading account", "Kind"), export=_kind_words),
    ],
)


@guard(VIEW)
def account_list(request: Any) -> HttpResponse:
    """Accounts within reach; the numbers of those shown tick. What the filter finds can be changed at once."""
    actor, wanted = request.actor, AccountFilter.parse(request.GET)
    rows = wanted.apply(selectors.accounts_visible(actor), masks=actor.masks)
    table = build_table(TABLE, rows, request)
    values = {"table": table, "lang": pages.language(), "wanted": wanted, "may_bulk": actor.may(BULK_EDIT),
              "export": with_query(request.GET, page=None)}  # fmt: skip
    if request.htmx and request.htmx.target == "rows":
        return render(request, "trading/office/accounts.html#rows", values)
    values |= filter_choices() | {"overview": selectors.overview(actor)}
    shown = [account.topic for account in table.page.rows if account.ledger_kind]
    return page(request, "trading/office/accounts.html", values, live=shown)


@guard(VIEW)
@require_GET
def export(request: Any) -> StreamingHttpResponse:
    """Everything that the filter finds, as a file."""
    actor, wanted = request.actor, AccountFilter.parse(request.GET)
    rows = wanted.apply(selectors.accounts_visible(actor), masks=actor.masks)
    found = FILE.ordered(rows, request.GET)
    audit.record(actor=actor, action="trading.accounts_exported", label=wanted.as_query())
    return download(
        request,
        "trading-accounts",
        FILE.export_header(),
        lambda: map(FILE.export_cells, found.iterator(chunk_size=2000)),
    )


@guard(VIEW)
def account(request: Any, account_id: UUID) -> HttpResponse:
    """One account: live positions, deals, curve, and what was done on the server."""
    found = selectors.account_get(request.actor, account_id)
    may_edit = request.actor.may(EDIT, found.client)
    values = pages.book(found, request) | {
        "commands": selectors.commands_of(found),
        "crumbs": [(pgettext("navigation", "Trading accounts"), reverse("trading:office-accounts"))],
        "may_edit": may_edit and found.is_open,
        "may_reopen": may_edit and found.state == AccountState.ARCHIVED,
        "may_transfer": request.actor.may(TRANSFER, found.client) and found.is_open and found.live,
    }
    part = request.GET.get("part", "")
    if request.htmx and part in {"book", "deals", "history"}:
        return render(request, f"trading/_{part}.html", values)
    if request.htmx and part == "head":
        return pages.head(request, "trading/office/account.html", values)
    values["curve"] = selectors.curve(found)
    return page(request, "trading/office/account.html", values, live=pages.topics(found))


@guard(EDIT)
def leverage(request: Any, account_id: UUID) -> HttpResponse:
    """Change the leverage; it is on the server as soon as a worker has carried the command there."""
    found = selectors.account_get(request.actor, account_id, EDIT)
    form = LeverageForm(request.POST or None, account=found, with_reason=True)
    if request.method == "POST" and form.is_valid():
        try:
            services.leverage_set(actor=request.actor, account=found, **form.cleaned_data)
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The leverage is being changed on the server."))
    return _dialog(request, "trading/office/_leverage.html", {"account": found, "form": form})


@guard(TRANSFER)
def transfer(request: Any, account_id: UUID) -> HttpResponse:
    """Move the client's money between wallet and account."""
    found = selectors.account_get(request.actor, account_id, TRANSFER)
    form = pages.transfer_form(request, found)
    if request.method == "POST" and pages.transfer_begin(request, found, form):
        return pages.done(pgettext("trading account", "The money is on its way."))
    values = {"account": found, "form": form, "wallet": selectors.wallet_balance(found)}
    return _dialog(request, "trading/_transfer.html", values)


@guard(EDIT)
def archive(request: Any, account_id: UUID) -> HttpResponse:
    """Take trading and log-in from an empty account."""
    found = selectors.account_get(request.actor, account_id, EDIT)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.account_archive(actor=request.actor, account=found, reason=form.cleaned_data["reason"])
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The account is being archived."))
    return _dialog(request, "trading/office/_archive.html", {"account": found, "form": form})


@guard(EDIT)
def reopen(request: Any, account_id: UUID) -> HttpResponse:
    """Give log-in and trading back to an archived account."""
    found = selectors.account_get(request.actor, account_id, EDIT)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.account_reopen(actor=request.actor, account=found, reason=form.cleaned_data["reason"])
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The account is being reopened."))
    return _dialog(request, "trading/_reopen.html", {"account": found, "form": form})


@guard(EDIT)
def open_for(request: Any, client_id: UUID) -> HttpResponse:
    """Open an account for a client within reach."""
    rows = scoped(request.actor, EDIT, Client.objects.all())
    client = rows.filter(pk=client_id).first()
    if client is None:
        raise NotFound
    types = AccountType.objects.filter(server__enabled=True).select_related("server").order_by("order", "name")
    form = OpenForm(request.POST or None, types=types, cap=cap_of(client))
    if request.method == "POST" and form.is_valid():
        try:
            services.account_open(
                actor=request.actor, client=client, account_type=form.chosen, leverage=form.cleaned_data["leverage"]
            )
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The account is being opened."))
    return _dialog(request, "trading/office/_open.html", {"client": client, "form": form})


def _dialog(request: HttpRequest, template: str, values: dict[str, Any]) -> HttpResponse:
    return render(request, template, values, status=422 if request.method == "POST" else 200)
