"""Words of the home page: what is true of the product, in a few sentences each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy


@dataclass(frozen=True, slots=True)
class Block:
    icon: str
    title: Any
    text: Any


FEATURES = (
    Block(
        "users",
        pgettext_lazy("home", "Leads become traders"),
        pgettext_lazy(
            "home",
            "Forms on your pages, rules that give each lead to the right agent, calls, notes and tasks on one timeline.",
        ),
    ),
    Block(
        "shield-check",
        pgettext_lazy("home", "KYC that keeps moving"),
        pgettext_lazy(
            "home",
            "A wizard your traders finish on a phone, a review desk side by side, four eyes where you ask for them.",
        ),
    ),
    Block(
        "banknote",
        pgettext_lazy("home", "Money that adds up"),
        pgettext_lazy(
            "home",
            "Double entry in every currency. A deposit told twice is credited once; the unknown is resolved, never guessed.",
        ),
    ),
    Block(
        "chart-candlestick",
        pgettext_lazy("home", "Trading servers, live"),
        pgettext_lazy(
            "home",
            "Accounts, leverage, balance and deals in both directions. What happens on the server shows on the page in a blink.",
        ),
    ),
    Block(
        "palette",
        pgettext_lazy("home", "Your brand, everywhere"),
        pgettext_lazy(
            "home",
            "Portal, office and every mail in your colours and languages, Arabic from right to left, light and dark.",
        ),
    ),
    Block(
        "fingerprint-pattern",
        pgettext_lazy("home", "An audit trail that holds"),
        pgettext_lazy(
            "home",
            "Every critical act, by whom and why, in a sealed chain. Ours too: we cannot enter without leaving a line.",
        ),
    ),
)
STEPS = (
    Block(
        "mail-check",
        pgettext_lazy("home", "Say who you are"),
        pgettext_lazy("home", "An e-mail address and a code. No card, no call."),
    ),
    Block(
        "palette",
        pgettext_lazy("home", "Choose region and look"),
        pgettext_lazy("home", "Currencies, languages and documents come with the region."),
    ),
    Block(
        "rocket",
        pgettext_lazy("home", "Open the office"),
        pgettext_lazy("home", "Your own data store, portal and back office in a few seconds."),
    ),
)
# The curve in the picture of the hero, which says that it is an example.
LINE = (31, 34, 33, 38, 41, 39, 45, 48, 47, 53, 58, 56, 61, 67, 66, 72)
