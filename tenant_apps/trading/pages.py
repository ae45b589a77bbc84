"""What the account's page shows, the same in portal and office."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import get_language, pgettext_lazy

from kernel.errors import AppError
from kernel.ids import uuid7
from kernel.ui.formatting import number_custom
from kernel.ui.tables import Column, TableSpec, build_table, with_query
from kernel.ui.toast import toast, trigger
from tenant_apps.trading import leaving, selectors
from tenant_apps.trading.forms import TransferForm
from tenant_apps.trading.models import Direction, TradingAccount
from tenant_apps.trading.performance import performance
from tenant_apps.trading.services import transfers

DEALS = TableSpec(
    default_sort="-time",
    page_size=20,
    columns=[
        Column(key="time", label=pgettext_lazy("deal", "Time"), sort="executed_at"),
        Column(key="symbol", label=pgettext_lazy("deal", "Symbol")),
        Column(key="lots", label=pgettext_lazy("deal", "Lots"), align="num"),
        Column(key="price", label=pgettext_lazy("deal", "Price"), align="num"),
        Column(key="costs", label=pgettext_lazy("deal", "Swap and commission"), align="num"),
        Column(key="result", label=pgettext_lazy("deal", "Result"), align="num"),
    ],
)


def language() -> str:
    """Under which name the bridge tells numbers as this reader has them."""
    return number_custom((get_language() or "en").partition("-")[0])


def book(account: TradingAccount, request: HttpRequest) -> dict[str, Any]:
    """Positions, deals, transfers on their way and statistics."""
    trades = request.GET.get("deals", "closed")
    rows = selectors.closed_trades_of(account) if trades == "closed" else selectors.deals_of(account)
    table = build_table(DEALS, rows, request, keyset=True)
    return {
        "account": account,
        "positions": list(selectors.positions_of(account)[:200]),
        "table": table,
        "trades": trades,
        "newer": _deals_query(table.page.previous_query, trades),
        "older": _deals_query(table.page.next_query, trades),
        "pending": list(selectors.pending_of(account)),
        "statistics": selectors.statistics(account),
        "performance": performance(account),
        "wallet": selectors.wallet_balance(account),
        "copying": selectors.copying_of(account),
        "lang": language(),
    }


def _deals_query(query: str, trades: str) -> str:
    """What fetches the neighbouring page of deals alone, whether the page or its part was asked for; empty stays empty."""
    return with_query(QueryDict(query.removeprefix("?")), part="deals", deals=trades) if query else ""


def topics(account: TradingAccount) -> list[str]:
    """What an account's page watches."""
    own = [account.topic, account.book_topic] if account.ledger_kind else []
    return [*own, f"client:{account.client_id}"]


def head(request: HttpRequest, template: str, values: dict[str, Any]) -> HttpResponse:
    """The head of an open page; one drawn in another state of the account is drawn anew: it watches other topics then,
    and more than its head differs."""
    response = render(request, f"{template}#head", values)
    if request.GET.get("state") != values["account"].state:
        response.headers["HX-Refresh"] = "true"
    return response


def transfer_form(request: HttpRequest, account: TradingAccount) -> TransferForm:
    """Bound on POST; else with a fresh key, so that the same form counts once however often it is sent."""
    data: QueryDict | None = request.POST if request.method == "POST" else None
    wanted = request.GET.get("direction", Direction.TO_ACCOUNT.value)
    return TransferForm(data, currency=account.currency, initial={"key": uuid7().hex, "direction": wanted})


def transfer_begin(request: HttpRequest, account: TradingAccount, form: TransferForm) -> bool:
    """Begin what the form says; False when the form or the service refuses, with the reason in the form."""
    if not form.is_valid():
        return False
    to_account = form.cleaned_data["direction"] == Direction.TO_ACCOUNT.value
    begin = transfers.transfer_to_account if to_account else transfers.transfer_to_wallet
    if not to_account and not form.cleaned_data["confirmed"]:
        form.costs = leaving.consequences(account, form.cleaned_data["amount"])
        if form.costs:
            form.ask()
            return False
    actor = request.actor  # type: ignore[attr-defined]
    try:
        begin(
            actor=actor,
            account=account,
            amount=form.cleaned_data["amount"],
            key=f"{actor.kind}:{actor.id}:{account.pk}:{form.cleaned_data['key']}",
        )
    except AppError as error:
        form.add_error(error.field if error.field in form.fields else "amount", str(error))
        return False
    return True


def done(message: Any) -> HttpResponse:
    """An htmx answer that closes the dialog, says so, and lets the page refresh itself."""
    response = HttpResponse(status=200)
    trigger(response, "modal:close")
    trigger(response, "account:changed")
    toast(response, message)
    return response
