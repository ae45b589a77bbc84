"""Words for codes of wallets: reasons, and the brokerage's own accounts."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

from .models import AdjustmentReason

HOUSE_KINDS: dict[str, Any] = {
    "bonus": pgettext_lazy("house account", "Bonuses"),
    "clearing": pgettext_lazy("house account", "Clearing"),
    "fees": pgettext_lazy("house account", "Fees"),
    "fx": pgettext_lazy("house account", "Exchange position"),
    "fx_income": pgettext_lazy("house account", "Exchange income"),
    "goodwill": pgettext_lazy("house account", "Goodwill"),
    "corrections": pgettext_lazy("house account", "Corrections"),
    "suspense": pgettext_lazy("house account", "Suspense"),
    "wallet": pgettext_lazy("house account", "Clients' wallets"),
}


def counter_names() -> dict[str, Any]:
    return dict(HOUSE_KINDS)


def adjustment_words(code: str) -> str:
    return str(AdjustmentReason(code).label) if code in AdjustmentReason.values else code


def account_words(kind: str) -> str:
    """A house account's kind in words; what comes after a colon (a provider, a server) stays as it is."""
    name, _, detail = kind.partition(":")
    words = str(HOUSE_KINDS.get(name, name.replace("_", " ").capitalize()))
    return f"{words} \u2066{detail}\u2069" if detail else words
