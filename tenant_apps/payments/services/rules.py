"""Approval rules and what is promised: set by the brokerage, read when a withdrawal is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.money import Money
from tenant_apps.accounts.models import Role

from ..models import ApprovalRule, PayoutSettings
from ..permissions_list import RULES
from .chain import ANYBODY, MANAGER, ROLE
from .destinations import payout_settings

MOST_STEPS = 5
FACTS = (
    "name", "position", "enabled", "currency", "minimum_minor", "maximum_minor", "methods", "countries", "tags", "risk_from",
    "steps", "auto", "auto_risk_below", "client_daily_minor", "client_weekly_minor", "client_monthly_minor",
    "total_daily_minor",
)  # fmt: skip
AMOUNTS = tuple(name for name in FACTS if name.endswith("_minor"))


def approval_rule_save(*, actor: Actor, rule: ApprovalRule) -> ApprovalRule:
    """Store a rule. Withdrawals asked for before keep the chain they have. Raises Invalid at the field that cannot be."""
    actor.require(RULES)
    _sound(rule)
    with transaction.atomic():
        stored = ApprovalRule.objects.select_for_update().filter(pk=rule.pk).first()
        was, now = audit.changes(_facts(stored) if stored else {}, _facts(rule))
        if now:
            rule.updated_at = clock.now()
            rule.save()
            audit.record(actor=actor, action="payments.approval_rule_saved", obj=rule, before=was, after=now)
    return rule


def approval_rule_remove(*, actor: Actor, rule_id: UUID) -> None:
    """Later withdrawals are decided by the other rules, or by one approval when none fits. Raises NotFound."""
    actor.require(RULES)
    with transaction.atomic():
        rule = ApprovalRule.objects.select_for_update().filter(pk=rule_id).first()
        if rule is None:
            raise NotFound
        audit.record(actor=actor, action="payments.approval_rule_removed", obj=rule, before=_facts(rule), after={})
        rule.delete()


def _sound(rule: ApprovalRule) -> None:
    if rule.maximum_minor is not None and rule.maximum_minor < rule.minimum_minor:
        raise Invalid(pgettext_lazy("payments error", "The maximum is below the minimum."), field="maximum")
    caps = [getattr(rule, name) for name in AMOUNTS if name != "minimum_minor"]
    if not rule.currency and (rule.minimum_minor or any(cap is not None for cap in caps)):
        raise Invalid(pgettext_lazy("payments error", "Amounts need a currency."), field="currency")
    if rule.auto and rule.maximum_minor is None:
        raise Invalid(
            pgettext_lazy("payments error", "Without a person's approval there has to be a largest amount."),
            field="maximum",
        )
    roles = {f"{ROLE}{code}" for code in Role.objects.values_list("code", flat=True)}
    if len(rule.steps) > MOST_STEPS or any(step not in {ANYBODY, MANAGER, *roles} for step in rule.steps):
        raise Invalid(pgettext_lazy("payments error", "Choose who approves from the list."), field="steps")


def _facts(rule: ApprovalRule) -> dict[str, Any]:
    """For the audit trail: amounts with their currency, the rest as it is."""
    found: dict[str, Any] = {}
    for name in FACTS:
        value = getattr(rule, name)
        if name in AMOUNTS:
            told = bool(value) if name == "minimum_minor" else value is not None  # a cap of zero is not the lack of one
            found[name.removesuffix("_minor")] = str(_money(rule, value)) if told else None
        else:
            found[name] = list(value) if isinstance(value, list) else value
    return found


def _money(rule: ApprovalRule, minor: int) -> Money:
    return Money(minor, rule.currency)


SETTINGS = (
    "promised_hours", "promised_by_method", "work_days", "work_from", "work_until", "banking_days", "verify_destinations",
    "cooling_hours",
)  # fmt: skip


def payout_settings_save(*, actor: Actor, values: Mapping[str, Any]) -> PayoutSettings:
    """Of SETTINGS what `values` names: hours 1 to 720 (`cooling_hours` from 0), weekdays 0 to 6, times as `HH:MM` or None.
    Raises Invalid."""
    actor.require(RULES)
    with transaction.atomic():
        row = PayoutSettings.objects.select_for_update().first() or payout_settings()
        before = settings_facts(row)
        for name in SETTINGS:
            setattr(
                row,
                name,
                _time(values[name]) if name in TIMES and name in values else values.get(name, getattr(row, name)),
            )
        _settings_sound(row)
        was, now = audit.changes(before, settings_facts(row))
        row.updated_at = clock.now()
        row.save()
        if now:
            audit.record(actor=actor, action="payments.payout_settings_saved", obj=row, before=was, after=now)
    return row


TIMES = ("work_from", "work_until")


def settings_facts(row: PayoutSettings) -> dict[str, Any]:
    """As the trail and a proposal keep them."""
    facts = {name: getattr(row, name) for name in SETTINGS}
    return facts | {name: f"{facts[name]:%H:%M}" if facts[name] else None for name in TIMES}


def _time(value: Any) -> time | None:
    return time.fromisoformat(value) if isinstance(value, str) and value else value or None


def _settings_sound(row: PayoutSettings) -> None:
    hours = [row.promised_hours, *row.promised_by_method.values()]
    if not all(1 <= one <= 720 for one in hours) or not 0 <= row.cooling_hours <= 720:
        raise Invalid(pgettext_lazy("payments error", "Enter hours between 1 and 720."), field="promised_hours")
    if (row.work_from is None) != (row.work_until is None):
        raise Invalid(pgettext_lazy("payments error", "Give both hours, or none."), field="work_until")
    if row.work_from and row.work_until and (_minutes(row.work_until) - _minutes(row.work_from)) % 1440 < 60:
        raise Invalid(pgettext_lazy("payments error", "An hour a day is the least."), field="work_until")
    if not set(row.work_days) <= set(range(7)) or (row.banking_days and row.work_days and min(row.work_days) > 4):
        raise Invalid(pgettext_lazy("payments error", "No day is left on which anybody works."), field="work_days")


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
