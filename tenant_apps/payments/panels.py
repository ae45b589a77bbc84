"""Payments on other pages: the client's tab, the office's dashboard and the set-up checklist."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import pgettext_lazy

from kernel.panels import register

from . import selectors
from .models import MethodRule, ProviderAccount
from .movements import movements
from .permissions_list import LIMITS, PROVIDERS, VIEW

SETUP_WORDS = {
    "done": (
        pgettext_lazy("payments set-up", "Clients can deposit."),
        pgettext_lazy("payments set-up", "Change"),
    ),
    "connected": (
        pgettext_lazy("payments set-up", "Connected. Test the connection and add a rule."),
        pgettext_lazy("payments set-up", "Test the connection"),
    ),
    "nothing": (
        pgettext_lazy("payments set-up", "Stripe, PayTabs or a bank account: it takes a few minutes."),
        pgettext_lazy("payments set-up", "Connect"),
    ),
}


def client_tab(request: HttpRequest, client: Any) -> dict[str, Any]:
    return {"movements": movements(client.pk, limit=50), "totals": selectors.client_totals(client.pk)}


def portal_home(request: HttpRequest, client: Any) -> dict[str, Any] | None:
    found = movements(client.pk, limit=4)
    return {"movements": found} if found else None


def dashboard(request: Any, _: Any) -> dict[str, Any]:
    return {"figures": selectors.day_figures(request.actor)}


def setup(request: HttpRequest, _: Any) -> dict[str, Any]:
    """Done when one enabled account has a rule and has answered a test."""
    accounts = list(ProviderAccount.objects.filter(enabled=True))
    done = any(account.test_good for account in accounts) and MethodRule.objects.filter(enabled=True).exists()
    text, action = SETUP_WORDS["done" if done else "connected" if accounts else "nothing"]
    return {"done": done, "href": reverse("payments:providers"), "text": text, "action": action}


def limits_setup(request: HttpRequest, _: Any) -> dict[str, Any] | None:
    """Done when every currency that clients pay in has limits; left out while they cannot pay at all."""
    policies, unlimited = selectors.withdrawal_policies(), selectors.unlimited_currencies()
    if not policies and not unlimited:
        return None
    return {
        "done": not unlimited,
        "href": reverse("payments:limits"),
        "text": pgettext_lazy("payments set-up", "The least amount and the most per client in 24 hours, by currency."),
        "action": pgettext_lazy("payments set-up", "Look"),
    }


register(
    "client.tab",
    key="payments",
    title=pgettext_lazy("client tab", "Payments"),
    icon="banknote",
    permission=VIEW,
    template="payments/office/client_tab.html",
    context=client_tab,
    order=30,
)
register(
    "portal.home",
    key="payments",
    title=pgettext_lazy("portal home", "Latest payments"),
    icon="banknote",
    template="payments/portal/home.html",
    context=portal_home,
    order=30,
)
register(
    "office.dashboard",
    key="payments",
    title=pgettext_lazy("dashboard", "Money today"),
    icon="banknote",
    permission=VIEW,
    template="payments/office/dashboard.html",
    context=dashboard,
    order=20,
)
register(
    "office.setup",
    key="payments",
    title=pgettext_lazy("set-up", "Connect a payment provider"),
    icon="plug",
    permission=PROVIDERS,
    context=setup,
    order=40,
)
register(
    "office.setup",
    key="payments-limits",
    title=pgettext_lazy("set-up", "Check the limits of withdrawals"),
    icon="gauge",
    permission=LIMITS,
    context=limits_setup,
    order=42,
)
