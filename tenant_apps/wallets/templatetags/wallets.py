"""Words and numbers of wallets in templates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kernel.ui.formatting import current_number_locale, decimal_text, percent_text

from .. import registry, words
from ..models import Decision, as_percent

register = template.Library()
SIGNIFICANT = 7


@register.filter
def rate(value: Decimal) -> SafeString:
    """A rate to seven significant digits, isolated: 1.0835, 149.8293, 0.006674338."""
    value = Decimal(value)
    places = max(4, min(16, SIGNIFICANT - 1 - value.adjusted()))
    return format_html(
        '<bdi dir="ltr" class="num">{}</bdi>', decimal_text(value, places, current_number_locale(), least=4)
    )


@register.filter
def source_name(kinds: str) -> str:
    """`ecb+manual` in words."""
    return " + ".join(str(registry.label(kind)) for kind in kinds.split("+"))


@register.filter
def decision_tone(state: Any) -> str:
    return {
        Decision.PROPOSED: "warning",
        Decision.APPROVED: "success",
        Decision.REJECTED: "danger",
    }.get(state, "neutral")


@register.filter
def bps_percent(bps: int) -> SafeString:
    """Basis points as people read them: 50 is 0.5 %."""
    return format_html('<bdi dir="ltr" class="num">{}</bdi>', percent_text(as_percent(bps), places=2))


@register.filter
def transfer_tone(state: Any) -> str:
    return {"waiting": "warning", "done": "success", "rejected": "danger"}.get(str(state), "neutral")


@register.filter
def account_words(kind: str) -> str:
    return words.account_words(kind)
