"""Words and tones of payments in templates."""

from __future__ import annotations

from datetime import timedelta

from babel.dates import format_timedelta
from django import template
from django.db.models import Model
from django.utils.translation import get_language

from kernel.actors import Actor
from kernel.ui.formatting import locale_for
from tenant_apps.clients.eyes import shown

from .. import registry, words
from ..models import ApprovalRule, ApprovalStep, state_tone
from ..payouts import payout_method
from ..services.chain import step_words, who_choices

register = template.Library()
register.filter("method_name", words.method_name)
register.filter("method_hint", words.method_hint)
register.filter("failure_words", words.failure_words)
register.filter("check_words", words.check_words)
register.filter("reason_words", words.reason_words)
register.filter("attention_words", words.attention_words)
register.filter("action_words", words.action_words)
register.filter("match_words", words.match_words)
register.filter("line_note", words.line_note)
register.filter("risk_words", words.risk_words)
register.filter("hold_words", words.hold_words)
register.filter("window_words", words.window_words)
register.filter("routing_words", words.routing_words)
register.filter("state_tone", state_tone)


@register.filter
def as_seen(row: Model) -> str:
    """What goes back with an approval of this row, so that nothing else is approved."""
    return shown(row)


@register.filter
def may(actor: Actor, code: str) -> bool:
    return actor.may(code)


@register.filter
def destination_tone(state: str) -> str:
    return {"verified": "success", "refused": "danger", "new": "warning"}.get(state, "neutral")


@register.filter
def risk_tone(score: int) -> str:
    return "danger" if score >= 50 else "warning" if score >= 25 else "success"


@register.filter
def rule_steps(rule: ApprovalRule) -> list[str]:
    """Who approves, one after the other, in words."""
    names = dict(who_choices())
    return [names.get(step or "any", step) for step in rule.steps or [""]]


@register.filter
def step_who(step: ApprovalStep) -> str:
    return step_words(step.withdrawal, step)


@register.filter
def method_icon(code: str) -> str:
    for adapter in registry.adapters().values():
        if found := adapter.capabilities.method(code):
            return found.icon
    return "wallet"


@register.filter
def payout_icon(code: str) -> str:
    known = payout_method(code)
    return known.icon if known else "undo-2"


@register.filter
def provider_label(kind: str) -> str:
    adapter = registry.adapters().get(kind)
    return str(adapter.capabilities.label) if adapter else kind


@register.filter
def lasted(seconds: float | None) -> str:
    """A time that something took, in the largest unit that says enough: "4 minutes", "2 days"."""
    if seconds is None:
        return "–"
    locale = locale_for(get_language() or "en")
    return str(format_timedelta(timedelta(seconds=round(seconds)), threshold=2, locale=locale))
