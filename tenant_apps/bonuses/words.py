"""Words for codes of bonuses."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

from .models import Ending, GrantState

STATE_TONES = {
    GrantState.OFFERED: "info",
    GrantState.GRANTING: "info",
    GrantState.ACTIVE: "success",
    GrantState.RELEASING: "info",
    GrantState.RELEASED: "success",
    GrantState.BURNING: "warning",
    GrantState.BURNT: "danger",
    GrantState.EXPIRED: "neutral",
    GrantState.CANCELLED: "neutral",
}
ATTENTION: dict[str, Any] = {
    "credit_stuck": pgettext_lazy("bonus attention", "The trading server would not give the credit back."),
    "reversed_after_release": pgettext_lazy(
        "bonus attention", "The deposit was taken back after its bonus had been paid out."
    ),
    "never_seen": pgettext_lazy(
        "bonus attention", "The server was not seen to agree with our books, so a deposit’s bonus was given up."
    ),
    "credit_differs": pgettext_lazy("bonus attention", "The credit at the trading server is not what it should be."),
}


def ending_words(code: str) -> str:
    return str(Ending(code).label) if code in Ending.values else code


def attention_words(code: str) -> str:
    return str(ATTENTION.get(code, code))
