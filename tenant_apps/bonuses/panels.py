"""Bonuses on other pages: the client's tab in the office, the portal's home, what a deposit brings at the cashier."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import pgettext, pgettext_lazy

from kernel.money import Money
from kernel.panels import register
from kernel.ui.formatting import money_isolated
from tenant_apps.payments import promises
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.trading.models import TradingAccount

from . import selectors
from .models import ENDED
from .permissions_list import VIEW
from .services.grants import preview


def client_tab(request: HttpRequest, client: Any) -> dict[str, Any]:
    return {"rows": selectors.shown(selectors.of_client(client.pk)[:50])}


def portal_home(request: HttpRequest, client: Any) -> dict[str, Any] | None:
    rows = selectors.shown(selectors.of_client(client.pk).exclude(state__in=ENDED)[:3])
    return {"rows": rows} if rows else None


def cashier_words(client: Any, amount: Money, target: UUID | None) -> str | None:
    """What a deposit of this amount to this account would bring as a bonus, in a sentence; None for nothing."""
    account = TradingAccount.objects.filter(pk=target, client=client).first() if target else None
    if account is None:
        return None
    before = Deposit.objects.filter(client=client, state=DepositState.CREDITED)
    brings = preview(client=client, account=account, amount=amount, first=not before.exists())
    if brings is None:
        return None
    values = {"amount": money_isolated(brings), "login": f"\u2066{account.login}\u2069"}
    return pgettext("cashier", "Brings a bonus of %(amount)s on account %(login)s.") % values


promises.register("bonuses", cashier_words)
register(
    "client.tab", key="bonuses", title=pgettext_lazy("client tab", "Bonuses"), icon="gift", permission=VIEW,
    template="bonuses/office/client_tab.html", context=client_tab, order=35,
)  # fmt: skip
register(
    "portal.home", key="bonuses", title=pgettext_lazy("portal home", "Your bonuses"), icon="gift",
    template="bonuses/portal/home.html", context=portal_home, order=25,
)  # fmt: skip
