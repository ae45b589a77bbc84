"""Words for codes of wallets: reasons, and the brokerage's own accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import pgettext_lazy

from .models import AdjustmentReason

HOUSE_KINDS: dict[str, Any] = {
    "bank": pgettext_lazy("house account", "Bank"),
    "bonus": pgettext_lazy("house account", "Bonuses"),
    "commission": pgettext_lazy("house account", "Partners’ commissions"),
    "clearing": pgettext_lazy("house account", "Clearing"),
    "fees": pgettext_lazy("house account", "Fees"),
    "fx": pgettext_lazy("house account", "Exchange position"),
    "fx_income": pgettext_lazy("house account", "Exchange income"),
    "goodwill": pgettext_lazy("house account", "Goodwill"),
    "copying": pgettext_lazy("house account", "In copying"),
    "corrections": pgettext_lazy("house account", "Corrections"),
    "in_transit": pgettext_lazy("house account", "On its way to trading"),
    "provider_fees": pgettext_lazy("house account", "Fees of providers"),
    "trading": pgettext_lazy("house account", "Trading account"),
    "trading-pnl": pgettext_lazy("house account", "Results of trading"),
    "trading-opening": pgettext_lazy("house account", "Trading accounts taken over"),
    "trading-adjustments": pgettext_lazy("house account", "Adjustments in trading"),
    "write_off": pgettext_lazy("house account", "Written off"),
    "own_funds": pgettext_lazy("house account", "Own funds"),
    "suspense": pgettext_lazy("house account", "Suspense"),
    "wallet": pgettext_lazy("house account", "Clients' wallets"),
}


def counter_names() -> dict[str, Any]:
    return dict(HOUSE_KINDS)


def adjustment_words(code: str) -> str:
    return str(AdjustmentReason(code).label) if code in AdjustmentReason.values else code


Names = Mapping[str, Mapping[str, str]]
_named: dict[str, Callable[[], Mapping[str, str]]] = {}


def name_accounts(kind: str, names: Callable[[], Mapping[str, str]]) -> None:
    """An app says what the accounts `<kind>:<detail>` are called, by detail: providers, servers. One query at most."""
    _named[kind] = names


def account_names() -> Names:
    return {kind: names() for kind, names in _named.items()}


def account_words(kind: str, names: Names | None = None) -> str:
    """An account's kind in words, with the name of what comes after a colon (a provider, a server), or that as it is."""
    name, _, detail = kind.partition(":")
    words = str(HOUSE_KINDS.get(name, name.replace("_", " ").capitalize()))
    if known := (names or {}).get(name, {}).get(detail):
        return f"{words} \u2068{known}\u2069"
    return f"{words} \u2066{detail}\u2069" if detail else words
