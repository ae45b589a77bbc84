"""What takes two people, and how it is carried out once they agree. Registered at start (`handlers.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import NoneType
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.money import Money

from .models import (
    ApprovalRule,
    DepositLimit,
    FundsThreshold,
    MethodRule,
    PayoutRule,
    ProposedChange,
    ProviderAccount,
    VelocityRule,
    WithdrawalFee,
    WithdrawalPolicy,
)
from .permissions_list import APPROVE, LIMITS, PROPOSE, PROVIDERS, RULES
from .services import by_hand, changes, deposit_limits, freezes, limits, providers, rules, withdrawal_fees
from .services.payout_routing import Board, Way
from .services.routing import Situation, Verdict, verdicts

Keys = Mapping[str, str]
M = TypeVar("M", bound=Model)
SETTINGS = UUID(int=0)  # what is promised: there is one
KEPT = (str, int, bool, list, dict, NoneType)
LIMIT_KINDS: dict[type[Any], tuple[str, Any, Any]] = {
    DepositLimit: (
        "deposit_limit", pgettext_lazy("change", "Limit of deposits"), pgettext_lazy("change", "Limit of deposits removed"),
    ),
    VelocityRule: (
        "velocity", pgettext_lazy("change", "What is unusual"), pgettext_lazy("change", "What is unusual removed"),
    ),
    FundsThreshold: (
        "funds_threshold", pgettext_lazy("change", "When clients show where money is from"),
        pgettext_lazy("change", "When clients show where money is from removed"),
    ),
}  # fmt: skip
OFF = frozenset({"off", "account_off", "method_off"})  # why something serves nobody at all (words.ROUTING)
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
    amounts = {name: None if (cap := caps[name]) is None else cap.minor for name in CAPS}
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
    by_hand.part_refused_by_bank(actor=actor, part_id=row.object_id, reason=row.note)


# --- rows that are stored as a form gave them

PLACED = ("id", "created_at", "updated_at")  # of the row itself, not of what somebody chose


def row_values(row: Model) -> dict[str, Any]:
    """The columns of a rule or a limit, as JSON keeps them."""
    found = {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields if one.name not in PLACED}
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    """1.25 as a form gives it and 1.250 as it is stored are the same."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if isinstance(value, KEPT) else str(value)


def _filled(model: type[M], change: ProposedChange) -> M:
    row = model._default_manager.filter(pk=change.object_id).first() or model(pk=change.object_id)
    for one in model._meta.concrete_fields:
        if one.attname in change.values:
            setattr(row, one.attname, one.to_python(change.values[one.attname]))
    return row


def _method_rule_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    providers.method_rule_save(actor=actor, rule=_filled(MethodRule, row))


def _payout_rule_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    providers.payout_rule_save(actor=actor, rule=_filled(PayoutRule, row))


def _withdrawal_fee_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    withdrawal_fees.withdrawal_fee_save(actor=actor, row=_filled(WithdrawalFee, row))


def only_switched_off(rule: MethodRule | PayoutRule) -> bool:
    """Whether nothing else is changed than that the method is not offered any more, or nothing goes out by this rule: that
    takes one person. Where others serve the method in this currency, to switch one off is to choose another's price, or
    another account."""
    stored = type(rule)._default_manager.filter(pk=rule.pk).first()
    if stored is None or row_values(rule) != {**row_values(stored), "enabled": False}:
        return False
    return not _served_otherwise(rule)


def _served_otherwise(rule: MethodRule | PayoutRule) -> bool:
    situation = Situation(currency=rule.currency, country="", level=0, at=clock.now())  # whom it is for is not asked
    judged: Iterable[Verdict | Way]
    if isinstance(rule, PayoutRule):
        judged = Board.of(situation).ways(rule.method)
    else:
        judged = (one for one in verdicts(situation) if one.rule.method == rule.method)
    return any(not OFF & set(one.against) for one in judged if one.rule is None or one.rule.pk != rule.pk)


def limit_kind(row: deposit_limits.Row, *, gone: bool = False) -> str:
    return LIMIT_KINDS[type(row)][0] + ("_gone" if gone else "")


def _row_saved(model: type[Any]) -> Callable[[ProposedChange, Keys, Actor], None]:
    def carry_out(row: ProposedChange, keys: Keys, actor: Actor) -> None:
        deposit_limits.row_save(actor=actor, row=_filled(model, row))

    return carry_out


def _row_removed(model: type[Any]) -> Callable[[ProposedChange, Keys, Actor], None]:
    def carry_out(row: ProposedChange, keys: Keys, actor: Actor) -> None:
        deposit_limits.row_remove(actor=actor, row=deposit_limits.row_get(model, row.object_id))

    return carry_out


def _register_limits() -> None:
    for model, (code, words, gone) in LIMIT_KINDS.items():
        saved, removed = "payments.deposit_limits_saved", "payments.deposit_limits_removed"
        changes.register(code, changes.Kind(words, saved, LIMITS, LIMITS, _row_saved(model), lone=True))
        changes.register(f"{code}_gone", changes.Kind(gone, removed, LIMITS, LIMITS, _row_removed(model), lone=True))


def register() -> None:
    _register_limits()
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
        ("method_rule", pgettext_lazy("change", "Rule of a payment method"), "payments.rule_saved", PROVIDERS,
         _method_rule_saved),
        ("payout_rule", pgettext_lazy("change", "Rule of where money goes out"), "payments.payout_rule_saved", PROVIDERS,
         _payout_rule_saved),
        ("withdrawal_fee", pgettext_lazy("change", "Fee of withdrawals"), "payments.withdrawal_fee_saved", PROVIDERS,
         _withdrawal_fee_saved),
    ):  # fmt: skip
        changes.register(code, changes.Kind(words, act, right, right, carry_out, lone=True))
    for code, words, act, carry_out in (
        ("freeze_take", pgettext_lazy("change", "Cover a chargeback from the wallet"), "payments.freeze_taken", _freeze_taken),
        ("freeze_lift", pgettext_lazy("change", "Let withdrawals go on after a chargeback"), "payments.freeze_lifted",
         _freeze_lifted),
        ("wire_refused", pgettext_lazy("change", "A withdrawal was not carried out"), "payments.wire_refused", _wire_refused),
    ):  # fmt: skip
        changes.register(code, changes.Kind(words, act, PROPOSE, APPROVE, carry_out, lone=False))
