"""Words and tones of payments in templates."""

from __future__ import annotations

from django import template

from kernel.actors import Actor

from .. import registry, words
from ..models import ApprovalRule, ApprovalStep, state_tone
from ..payouts import payout_method
from ..services.chain import who_choices

register = template.Library()
register.filter("method_name", words.method_name)
register.filter("method_hint", words.method_hint)
register.filter("failure_words", words.failure_words)
register.filter("check_words", words.check_words)
register.filter("reason_words", words.reason_words)
register.filter("attention_words", words.attention_words)
register.filter("action_words", words.action_words)
register.filter("match_words", words.match_words)
register.filter("risk_words", words.risk_words)
register.filter("state_tone", state_tone)


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
    return dict(who_choices()).get(step.who or "any", step.who)


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
