"""Wallets on other pages: the client's tab in the office, the portal's home."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from kernel.panels import register

from .permissions_list import ADJUST_PROPOSE, VIEW
from .selectors import history, wallets_of


def client_tab(request: HttpRequest, client: Any) -> dict[str, Any]:
    wallets = wallets_of(client.pk)
    return {
        "wallets": [(wallet, history(client.pk, wallet.currency, limit=8)) for wallet in wallets],
        "may_adjust": request.actor.may(ADJUST_PROPOSE, client),  # type: ignore[attr-defined]
    }


def portal_home(request: HttpRequest, client: Any) -> dict[str, Any]:
    return {"wallets": wallets_of(client.pk)}


register(
    "client.tab",
    key="wallets",
    title=pgettext_lazy("client tab", "Wallets"),
    icon="wallet",
    permission=VIEW,
    template="wallets/client_tab.html",
    context=client_tab,
    order=20,
)
register(
    "portal.home",
    key="wallets",
    title=pgettext_lazy("portal home", "Your money"),
    icon="wallet",
    template="wallets/portal_home.html",
    context=portal_home,
    order=10,
)
