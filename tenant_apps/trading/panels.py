"""What other pages show of trading, and its words in the timeline and in a wallet's history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.money import Money
from kernel.panels import register
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.models import TimelineEntry
from tenant_apps.clients.timeline import register_kind
from tenant_apps.trading import margin_words, pages, risk, selectors
from tenant_apps.trading.errors import Rejection
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    TradingAccount,
    TradingServer,
    Transfer,
    TransferState,
)
from tenant_apps.trading.permissions_list import EDIT, SERVERS_EDIT, VIEW
from tenant_apps.trading.services import transfers
from tenant_apps.wallets.lines import register_line
from tenant_apps.wallets.targets import Onward, Target, register_passage, register_targets


def client_tab(request: HttpRequest, client: Any) -> dict[str, Any] | None:
    """The client's accounts, as far as the viewer's right over this client reaches."""
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.may(VIEW, client):
        return None
    rows = list(selectors.accounts_of_client(client.pk))
    return {"client": client, "accounts": rows, "may_open": actor.may(EDIT, client), "lang": pages.language()}


def deposit_targets(client_id: UUID) -> list[Target]:
    """The live accounts a deposit can be passed on to, those being opened included."""
    states = (AccountState.OPEN, AccountState.OPENING)
    rows = TradingAccount.objects.filter(client_id=client_id, live=True, state__in=states)
    return [
        Target(
            id=row.pk,
            label=_label(row),
            detail=row.account_type.name,
            currency=row.currency,
        )
        for row in rows.select_related("account_type", "server").order_by("created_at")
    ]


def deposit_onward(deposit_id: UUID, account_id: UUID) -> Onward | None:
    """How far a deposit for this account came; until its event was heard it moves."""
    account = TradingAccount.objects.select_related("server").filter(pk=account_id).first()
    if account is None:
        return None
    row = Transfer.objects.filter(key=transfers.deposit_key(deposit_id), account=account).first()
    if row is None:
        stays = TimelineEntry.objects.filter(dedupe_key=transfers.deposit_stays_key(deposit_id)).exists()
    else:
        stays = row.state == TransferState.FAILED
    state = "stays" if stays else "arrived" if row and row.state == TransferState.DONE else "moving"
    return Onward(label=_label(account), state=state, url=reverse("trading:portal-account", args=[account.pk]))


def _label(account: TradingAccount) -> str:
    return f"{account.server.platform_name} {account.login or ''}".strip()


register_targets(deposit_targets)
register_passage(deposit_onward)
risk.register()


def portal_home(request: HttpRequest, client: Any) -> dict[str, Any]:
    rows = list(selectors.accounts_of_client(client.pk)[:6])
    curves = {row.pk: selectors.small_curve(row) for row in rows if row.is_open}
    return {"client": client, "accounts": rows, "curves": curves, "lang": pages.language()}


def dashboard(request: HttpRequest, _: Any) -> dict[str, Any]:
    return {"overview": selectors.overview(request.actor)}  # type: ignore[attr-defined]


def setup(request: HttpRequest, _: Any) -> dict[str, Any]:
    """Done when a server is connected and something can be opened on it."""
    connected = TradingServer.objects.filter(enabled=True, last_ok_at__isnull=False).exists()
    done = connected and AccountType.objects.exists()
    return {"done": done, **_setup_step(done=done, connected=connected, server=TradingServer.objects.first())}


def _setup_step(*, done: bool, connected: bool, server: TradingServer | None) -> dict[str, Any]:
    """Where the owner stands, and the page that leads on."""
    if done:
        text = pgettext_lazy("set-up", "Clients can open accounts.")
        return {
            "text": text,
            "action": pgettext_lazy("set-up", "Look at it"),
            "href": reverse("trading:office-servers"),
        }
    if connected:
        text = pgettext_lazy("set-up", "The server answers. Say which accounts clients can open on it.")
        action = pgettext_lazy("trading server", "Account types")
        return {"text": text, "action": action, "href": reverse("trading:office-types")}
    if server:
        text = pgettext_lazy("set-up", "The server has not answered yet, or has no account types.")
        href = reverse("trading:office-server", args=[server.pk])
        return {"text": text, "action": pgettext_lazy("set-up", "Look at it"), "href": href}
    text = pgettext_lazy("set-up", "Without a trading server no account can be opened.")
    return {"text": text, "action": pgettext_lazy("set-up", "Connect"), "href": reverse("trading:office-server-new")}


register("client.tab", key="trading", title=pgettext_lazy("client tab", "Trading accounts"), icon="chart-candlestick",
         permission=VIEW, template="trading/office/client_tab.html", context=client_tab, order=30)  # fmt: skip
register("portal.home", key="trading", title=pgettext_lazy("portal", "Trading accounts"), icon="chart-candlestick",
         template="trading/portal/home.html", context=portal_home, order=20)  # fmt: skip
register("office.dashboard", key="trading", title=pgettext_lazy("dashboard", "Trading"), icon="chart-candlestick",
         permission=VIEW, template="trading/office/dashboard.html", context=dashboard, order=20)  # fmt: skip
register("office.setup", key="trading", title=pgettext_lazy("set-up", "Connect a trading server"), icon="server",
         permission=SERVERS_EDIT, context=setup, order=30)  # fmt: skip


def _amount(entry: TimelineEntry) -> str:
    return money_isolated(Money.from_json(entry.data["amount"]))


def _login(entry: TimelineEntry) -> str:
    return f"\u2068{entry.data.get('login', '')}\u2069"  # isolated: a number in a sentence of any direction


def _opened(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Trading account %(login)s opened") % {"login": _login(entry)}


def _moved(entry: TimelineEntry) -> str:
    values = {"amount": _amount(entry), "login": _login(entry)}
    if entry.data.get("direction") == "out":
        return pgettext("timeline", "%(amount)s moved from trading account %(login)s to the wallet") % values
    return pgettext("timeline", "%(amount)s moved to trading account %(login)s") % values


def _refused(entry: TimelineEntry) -> str:
    values = {"amount": _amount(entry), "login": _login(entry)}
    if entry.data.get("problem") == Rejection.NOT_ENOUGH_MONEY:
        return pgettext("timeline", "%(amount)s stay on trading account %(login)s: not enough free margin") % values
    return pgettext("timeline", "The trading server refused a transfer of %(amount)s (account %(login)s)") % values


def _leverage(entry: TimelineEntry) -> str:
    values = {
        "login": _login(entry),
        "before": f"1:{entry.data['before'].get('leverage', '')}",
        "after": f"1:{entry.data['after'].get('leverage', '')}",
    }
    return pgettext("timeline", "Leverage of account %(login)s changed from %(before)s to %(after)s") % values


register_kind("trading.account_opened", icon="chart-candlestick", tone="success", words=_opened, for_client=True)
register_kind(
    "trading.account_failed",
    icon="circle-alert",
    tone="danger",
    words=lambda _: pgettext("timeline", "A trading account could not be opened"),
)
register_kind("trading.transfer_done", icon="arrow-left-right", tone="success", words=_moved, for_client=True)
register_kind("trading.transfer_failed", icon="circle-x", tone="danger", words=_refused, for_client=True)
register_kind(
    "trading.deposit_stays",
    icon="wallet",
    tone="warning",
    words=lambda entry: (
        pgettext("timeline", "A deposit of %(amount)s stays in the wallet") % {"amount": _amount(entry)}
    ),
    for_client=True,
)
register_kind("trading.leverage", icon="scale", words=_leverage, for_client=True)
register_kind(
    "trading.password",
    icon="key-round",
    words=lambda entry: pgettext("timeline", "Password of account %(login)s changed") % {"login": _login(entry)},
    for_client=True,
)
register_kind(
    "trading.group",
    icon="layers",
    words=lambda entry: pgettext("timeline", "Type of account %(login)s changed") % {"login": _login(entry)},
)
register_kind(
    "trading.archive",
    icon="archive",
    words=lambda entry: pgettext("timeline", "Trading account %(login)s archived") % {"login": _login(entry)},
    for_client=True,
)
register_kind(
    "trading.reopen",
    icon="archive-restore",
    words=lambda entry: pgettext("timeline", "Trading account %(login)s reopened") % {"login": _login(entry)},
    for_client=True,
)
register_kind(
    "trading.margin_call",
    icon="triangle-alert",
    tone="warning",
    words=lambda entry: margin_words.timeline_margin_call(entry.data),
    for_client=True,
)
register_kind(
    "trading.stopped_out",
    icon="octagon-alert",
    tone="danger",
    words=lambda entry: margin_words.timeline_stopped_out(entry.data),
    for_client=True,
)
register_kind(
    "trading.setting_refused",
    icon="circle-x",
    tone="danger",
    words=lambda entry: (
        pgettext("timeline", "The trading server refused a change of account %(login)s") % {"login": _login(entry)}
    ),
)


# The kinds under which services.transfers posts to a wallet. The account's number stands beside the words as the reference.
register_line(
    "trading.to_account",
    icon="arrow-up-right",
    words=lambda data: pgettext("wallet line", "To the trading account"),
)
register_line(
    "trading.to_wallet",
    icon="arrow-down-left",
    words=lambda data: pgettext("wallet line", "From the trading account"),
)
register_line(
    "trading.to_account_refused",
    icon="undo-2",
    words=lambda data: pgettext("wallet line", "Back from the trading account: the server refused the transfer"),
)


def _always(line: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda data: line


# What the bridge posts between the mirrors of trading accounts and the house's accounts.
for _kind, _icon, _line in (
    ("trading.pnl", "trending-up", pgettext_lazy("wallet line", "Results of trading")),
    ("trading.opening", "archive", pgettext_lazy("wallet line", "Trading account taken over")),
    ("trading.copied", "copy", pgettext_lazy("wallet line", "Into copying, or back from it")),
    ("trading.copies", "trending-up", pgettext_lazy("wallet line", "Results of copying")),
    ("trading.orphan", "circle-alert", pgettext_lazy("wallet line", "Moved on the trading server without us")),
    ("trading.amended_deal", "pencil", pgettext_lazy("wallet line", "A past deal was changed on the server")),
    ("trading.deleted_deal", "trash-2", pgettext_lazy("wallet line", "A past deal was removed on the server")),
    ("trading.case_settled", "scale", pgettext_lazy("wallet line", "Trading case settled")),
):
    register_line(_kind, icon=_icon, words=_always(_line))
