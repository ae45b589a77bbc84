"""Words and tones of bonuses in templates."""

from __future__ import annotations

from typing import Any

from django import template

from tenant_apps.wallets.models import Decision

from .. import words

register = template.Library()


@register.filter
def bonus_tone(state: Any) -> str:
    return str(words.STATE_TONES.get(state, "neutral"))


@register.filter
def proposal_tone(state: Any) -> str:
    tones = {Decision.PROPOSED: "warning", Decision.APPROVED: "success", Decision.REJECTED: "danger"}
    return tones.get(state, "neutral")


@register.filter
def ending_words(code: str) -> str:
    return words.ending_words(code)


@register.filter
def attention_words(code: str) -> str:
    return words.attention_words(code)
