"""A client's own trading accounts. Every view looks the account up among the client's own; others are not found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel import throttle
from kernel.errors import AppError
from kernel.guards import client_only
from kernel.pages import page
from kernel.panels import panels, rendered
from kernel.ui.toast import trigger
from tenant_apps.clients.models import KycState
from tenant_apps.trading import pages, selectors
from tenant_apps.trading.caps import cap_of
from tenant_apps.trading.forms import LeverageForm, OpenForm, PasswordForm, PlainForm
from tenant_apps.trading.services import accounts as services
from tenant_apps.trading.services.preferences import margin_mails_set


@client_only
def account_list(request: Any) -> HttpResponse:
    """All of the client's accounts; equity ticks, and new accounts appear by themselves."""
    rows = list(selectors.accounts_of_client(request.client.pk))
    values = {"accounts": rows, "lang": pages.language(), "verified": _verified(request)}
    if request.htmx:
        return render(request, "trading/portal/accounts.html#rows", values)
    values["margin_mails"] = selectors.margin_mails_wanted(request.client.pk)
    slots = panels("portal.trading", request)
    values["panels"] = [html for one in slots if (html := rendered(one, request, request.client))]
    topics = [account.topic for account in rows if account.ledger_kind]
    return page(request, "trading/portal/accounts.html", values, live=[*topics, f"client:{request.client.pk}"])


@client_only
@require_POST
def margin_mails(request: Any) -> HttpResponse:
    """Whether margin calls come by mail too; the bell tells them in any case."""
    margin_mails_set(actor=request.actor, client=request.client, wanted="wanted" in request.POST)
    messages.success(request, pgettext("trading server", "Saved."))
    return redirect("trading:portal-accounts")


def _crumbs() -> list[tuple[str, str]]:
    return [(pgettext("navigation", "Trading accounts"), reverse("trading:portal-accounts"))]


def _verified(request: Any) -> bool:
    return request.client.kyc_state == KycState.APPROVED


@client_only
def account_open(request: Any) -> HttpResponse:
    """Open another account: practice at any time, live once the identity is known."""
    types = list(selectors.types_offered(verified=_verified(request)))
    form = OpenForm(request.POST or None, types=types, cap=cap_of(request.client))
    if request.method == "POST" and form.is_valid():
        throttle.check("trading.open", str(request.client.pk), burst=5, per_minute=1)
        try:
            opened = services.account_open(
                actor=request.actor,
                client=request.client,
                account_type=form.chosen,
                leverage=form.cleaned_data["leverage"],
            )
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("trading account", "Your account is being opened."))
            return redirect("trading:portal-account", opened.pk)
    values = {"form": form, "types": types, "verified": _verified(request), "crumbs": _crumbs()}
    return page(request, "trading/portal/open.html", values, status=422 if request.method == "POST" else 200)


@client_only
def account(request: Any, account_id: UUID) -> HttpResponse:
    """One account: live positions and equity, closed trades, curve, statistics, how to log in to the terminal."""
    found = selectors.own_account(request.actor, account_id)
    values = pages.book(found, request) | {"crumbs": _crumbs()}
    part = request.GET.get("part", "")
    if request.htmx and part in {"book", "deals"}:
        return render(request, f"trading/_{part}.html", values)
    if request.htmx and part == "head":
        return pages.head(request, "trading/portal/account.html", values)
    values["curve"] = selectors.curve(found)
    values["open_password"] = request.GET.get("open") == "password" and found.is_open
    return page(request, "trading/portal/account.html", values, live=pages.topics(found))


@client_only
def transfer(request: Any, account_id: UUID) -> HttpResponse:
    """Between wallet and account."""
    found = selectors.own_account(request.actor, account_id)
    form = pages.transfer_form(request, found)
    if request.method == "POST":
        throttle.check("trading.transfer", str(request.client.pk), burst=20, per_minute=10)
    if request.method == "POST" and pages.transfer_begin(request, found, form):
        return pages.done(pgettext("trading account", "The money is on its way."))
    values = {"account": found, "form": form, "wallet": selectors.wallet_balance(found)}
    return render(request, "trading/_transfer.html", values, status=422 if request.method == "POST" else 200)


@client_only
def leverage(request: Any, account_id: UUID) -> HttpResponse:
    found = selectors.own_account(request.actor, account_id)
    form = LeverageForm(request.POST or None, account=found, with_reason=False)
    if request.method == "POST" and form.is_valid():
        throttle.check("trading.leverage", str(found.pk), burst=10, per_minute=2)
        try:
            services.leverage_set(actor=request.actor, account=found, leverage=form.cleaned_data["leverage"])
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The leverage is being changed on the server."))
    values = {"account": found, "form": form}
    return render(request, "trading/portal/_leverage.html", values, status=422 if request.method == "POST" else 200)


@client_only
def password(request: Any, account_id: UUID) -> HttpResponse:
    """Set a new trading or investor password: a dialog; from outside (the welcome mail), the account with it open."""
    found = selectors.own_account(request.actor, account_id)
    if request.method == "GET" and not request.htmx:
        return redirect(reverse("trading:portal-account", args=[found.pk]) + "?open=password")
    form = PasswordForm(request.POST or None, kinds=services.passwords_of(found))
    if request.method == "POST" and form.is_valid():
        throttle.check("trading.password", str(found.pk), burst=5, per_minute=1)
        try:
            services.password_set(actor=request.actor, account=found, **form.cleaned_data)
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The password is being set on the server."))
    values = {"account": found, "form": form}
    return render(request, "trading/portal/_password.html", values, status=422 if request.method == "POST" else 200)


@client_only
def archive(request: Any, account_id: UUID) -> HttpResponse:
    """Put an empty account of one's own away."""
    found = selectors.own_account(request.actor, account_id)
    form = PlainForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.account_archive(actor=request.actor, account=found, reason="")
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The account is being archived."))
    values = {"account": found, "form": form}
    return render(request, "trading/portal/_archive.html", values, status=422 if request.method == "POST" else 200)


@client_only
def reopen(request: Any, account_id: UUID) -> HttpResponse:
    """Take an archived account of one's own up again."""
    found = selectors.own_account(request.actor, account_id)
    form = PlainForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.account_reopen(actor=request.actor, account=found)
        except AppError as error:
            form.refuse(error)
        else:
            return pages.done(pgettext("trading account", "The account is being reopened."))
    values = {"account": found, "form": form}
    return render(request, "trading/_reopen.html", values, status=422 if request.method == "POST" else 200)


@client_only
@require_POST
def reveal(request: Any, account_id: UUID) -> HttpResponse:
    """The first passwords, once."""
    found = selectors.own_account(request.actor, account_id)
    words = services.password_reveal(actor=request.actor, account=found)
    response = render(request, "trading/portal/_reveal.html", {"account": found, "words": words})
    trigger(response, "account:changed")
    return response
