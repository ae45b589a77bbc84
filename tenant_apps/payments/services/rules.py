"""Approval rules and what is promised: set by the brokerage, read when a withdrawal is asked for."""

from __future__ import annotations

from collections.abc import Mapping
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
    amounts = [getattr(rule, name) for name in AMOUNTS]
    if not rule.currency and any(amounts):
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
            found[name.removesuffix("_minor")] = str(_money(rule, value)) if value else None
        else:
            found[name] = list(value) if isinstance(value, list) else value
    return found


def _money(rule: ApprovalRule, minor: int) -> Money:
    return Money(minor, rule.currency)


def payout_settings_save(*, actor: Actor, values: Mapping[str, Any]) -> PayoutSettings:
    """`promised_hours` (1 to 720), `verify_destinations`, `cooling_hours` (0 to 720). Raises Invalid."""
    actor.require(RULES)
    with transaction.atomic():
        row = PayoutSettings.objects.select_for_update().first() or payout_settings()
        names = ("promised_hours", "verify_destinations", "cooling_hours")
        before = {name: getattr(row, name) for name in names}
        for name in names:
            setattr(row, name, values[name])
        if not 1 <= row.promised_hours <= 720 or not 0 <= row.cooling_hours <= 720:
            raise Invalid(pgettext_lazy("payments error", "Enter hours between 1 and 720."), field="promised_hours")
        was, now = audit.changes(before, {name: getattr(row, name) for name in names})
        row.updated_at = clock.now()
        row.save()
        if now:
            audit.record(actor=actor, action="payments.payout_settings_saved", obj=row, before=was, after=now)
    return row
