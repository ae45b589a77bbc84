"""What takes two people, and how it is carried out once they agree. Registered at start (`handlers.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext_lazy

from kernel.actors import Actor
from kernel.money import Money

from .models import ApprovalRule, ProposedChange, ProviderAccount, WithdrawalPolicy
from .permissions_list import APPROVE, LIMITS, PROPOSE, PROVIDERS, RULES
from .services import changes, freezes, limits, parts, providers, rules

Keys = Mapping[str, str]
SETTINGS = UUID(int=0)  # what is promised: there is one
CAPS = ("daily", "weekly", "monthly")


def rule_values(rule: ApprovalRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rules.FACTS}


def _rule_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    rule = ApprovalRule.objects.filter(pk=row.object_id).first() or ApprovalRule(pk=row.object_id)
    for name, value in row.values.items():
        setattr(rule, name, value)
    rules.approval_rule_save(actor=actor, rule=rule)


def _rule_removed(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    rules.approval_rule_remove(actor=actor, rule_id=row.object_id)


def _settings_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    rules.payout_settings_save(actor=actor, values=row.values)


def limits_values(currency: str, kyc_level: int, minimum: Money, caps: Mapping[str, Money | None]) -> dict[str, Any]:
    amounts = {name: caps[name].minor if caps[name] else None for name in CAPS}  # type: ignore[union-attr]
    return {"currency": currency, "kyc_level": kyc_level, "minimum": minimum.minor, **amounts}


def _limits_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    stored = WithdrawalPolicy.objects.filter(pk=row.object_id).first()
    currency = stored.currency if stored else row.values["currency"]
    caps = {name: None if row.values[name] is None else Money(row.values[name], currency) for name in CAPS}
    limits.withdrawal_policy_save(
        actor=actor, policy_id=stored.pk if stored else None, currency=currency, kyc_level=row.values["kyc_level"],
        minimum=Money(row.values["minimum"], currency), daily=caps["daily"], weekly=caps["weekly"], monthly=caps["monthly"],
    )  # fmt: skip


def _limits_removed(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    limits.withdrawal_policy_remove(actor=actor, policy_id=row.object_id)


def _provider_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    account = ProviderAccount.objects.select_for_update().filter(pk=row.object_id).first()
    providers.provider_account_save(
        actor=actor, account=account, new_id=None if account else row.object_id, credentials=keys, **row.values
    )


def _freeze_taken(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    freezes.freeze_take(actor=actor, deposit_id=row.object_id)


def _freeze_lifted(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    freezes.freeze_lift(actor=actor, deposit_id=row.object_id)


def _wire_refused(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    parts.part_refused_by_bank(actor=actor, part_id=row.object_id, reason=row.note)


def register() -> None:
    for code, words, act, right, carry_out in (
        ("approval_rule", pgettext_lazy("change", "Approval rule"), "payments.approval_rule_saved", RULES, _rule_saved),
        ("approval_rule_gone", pgettext_lazy("change", "Approval rule removed"), "payments.approval_rule_removed", RULES,
         _rule_removed),
        ("payout_settings", pgettext_lazy("change", "What is promised of withdrawals"), "payments.payout_settings_saved",
         RULES, _settings_saved),
        ("limits", pgettext_lazy("change", "Limits of withdrawals"), "payments.limits_saved", LIMITS, _limits_saved),
        ("limits_gone", pgettext_lazy("change", "Limits of withdrawals removed"), "payments.limits_removed", LIMITS,
         _limits_removed),
        ("provider", pgettext_lazy("change", "Provider account"), "payments.provider_saved", PROVIDERS, _provider_saved),
    ):  # fmt: skip
        changes.register(code, changes.Kind(words, act, right, right, carry_out, lone=True))
    for code, words, act, carry_out in (
        ("freeze_take", pgettext_lazy("change", "Cover a chargeback from the wallet"), "payments.freeze_taken", _freeze_taken),
        ("freeze_lift", pgettext_lazy("change", "Let withdrawals go on after a chargeback"), "payments.freeze_lifted",
         _freeze_lifted),
        ("wire_refused", pgettext_lazy("change", "A bank transfer was refused"), "payments.wire_refused", _wire_refused),
    ):  # fmt: skip
        changes.register(code, changes.Kind(words, act, PROPOSE, APPROVE, carry_out, lone=False))
