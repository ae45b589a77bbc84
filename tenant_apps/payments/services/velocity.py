"""Too many payments, declined payments or different cards in a short time: refused, or marked for a person to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q

from kernel import clock
from kernel.money import Money
from tenant_apps.clients.models import Client

from ..errors import TooOften
from ..models import Deposit, Measure, VelocityAction, VelocityRule

# What a bank or its card said no to; a page that was left or ran out is nobody's refusal.
DECLINES = ("declined", "insufficient_funds", "expired_card", "wrong_details", "authentication", "fraud")


def check(client: Client, amount: Money) -> bool:
    """Whether the next payment deserves a look. Raises TooOften where a rule refuses it. Two queries, one without rules."""
    rules = list(VelocityRule.objects.all())
    if not rules:
        return False
    now = clock.now()
    counts = Deposit.objects.filter(client=client).aggregate(
        **{f"n{place}": _count(rule, now) for place, rule in enumerate(rules)}
    )
    broken = [rule for place, rule in enumerate(rules) if counts[f"n{place}"] >= rule.most]
    refusing = [rule for rule in broken if rule.action == VelocityAction.REFUSE]
    if refusing:
        raise TooOften(amount=amount, hours=max(rule.hours for rule in refusing))
    return bool(broken)


def _count(rule: VelocityRule, now: Any) -> Count:
    within = Q(created_at__gt=now - timedelta(hours=rule.hours))
    if rule.measure == Measure.DECLINED:
        return Count("pk", filter=within & Q(failure__in=DECLINES))
    if rule.measure == Measure.INSTRUMENTS:
        return Count("source", filter=within & ~Q(source=""), distinct=True)
    return Count("pk", filter=within)
