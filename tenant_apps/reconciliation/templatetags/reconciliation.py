"""Words and tones of the desk in templates."""

from __future__ import annotations

from typing import Any

from django import template

from kernel.actors import Actor
from kernel.money import Money

from .. import words
from ..kinds import LineKind
from ..models import line_tone

register = template.Library()
register.filter("line_tone", line_tone)
register.filter("row_problem", words.row_problem)
register.filter("match_reason", words.match_reason)


@register.filter
def may(actor: Actor, code: str) -> bool:
    return actor.may(code)


@register.filter
def bank_reason(name: str) -> str:
    return str(words.BANK_REASONS.get(name, name))


@register.filter
def side_words(name: str) -> str:
    return str(words.SIDE_WORDS.get(name, name))


@register.filter
def kind_label(kind: str) -> str:
    return str(dict(LineKind.choices).get(kind, kind))


@register.simple_tag
def as_money(minor: int, currency: str) -> Money:
    return Money(minor, currency)


@register.filter
def item(values: Any, key: str) -> Any:
    return values.get(key, "") if values else ""
