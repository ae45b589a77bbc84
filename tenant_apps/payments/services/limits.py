"""Limits of withdrawals per currency. Checks read them at the request, at checking and at approval (services.checks)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.money import Money

from ..models import WithdrawalPolicy
from ..permissions_list import LIMITS


def withdrawal_policy_save(
    *,
    actor: Actor,
    policy_id: UUID | None = None,
    currency: str,
    kyc_level: int = 0,
    minimum: Money,
    daily: Money | None,
    weekly: Money | None = None,
    monthly: Money | None = None,
) -> WithdrawalPolicy:
    """Set a currency's least amount and what one client may take out in 24 hours, 7 and 30 days (None: no limit), from
    a KYC level on.

    An existing row keeps its currency. Raises Invalid for amounts that leave no withdrawal possible and for a second row
    of a currency, NotFound.
    """
    actor.require(LIMITS)
    with transaction.atomic():
        policy = _locked(policy_id) if policy_id else WithdrawalPolicy(currency=currency)
        caps = {"daily": daily, "weekly": weekly, "monthly": monthly}
        _sound(policy.currency, minimum, caps)
        before = _figures(policy) if policy_id else {}
        policy.kyc_level, policy.minimum_minor = kyc_level, minimum.minor
        for name, cap in caps.items():
            setattr(policy, f"{name}_minor", None if cap is None else cap.minor)
        was, now = audit.changes(before, _figures(policy))
        if now:
            policy.updated_at = clock.now()
            _store(policy)
            audit.record(actor=actor, action="payments.limits_saved", obj=policy, before=was, after=now)
    return policy


def withdrawal_policy_remove(*, actor: Actor, policy_id: UUID) -> None:
    """From now on withdrawals in this currency have no limits; four eyes remain. Raises NotFound."""
    actor.require(LIMITS)
    with transaction.atomic():
        policy = _locked(policy_id)
        audit.record(actor=actor, action="payments.limits_removed", obj=policy, before=_figures(policy), after={})
        policy.delete()


def _locked(policy_id: UUID) -> WithdrawalPolicy:
    policy = WithdrawalPolicy.objects.select_for_update().filter(pk=policy_id).first()
    if policy is None:
        raise NotFound
    return policy


def _sound(currency: str, minimum: Money, caps: Mapping[str, Money | None]) -> None:
    given = {name: cap for name, cap in caps.items() if cap is not None}
    if {minimum.currency, *(cap.currency for cap in given.values())} != {currency}:
        raise Invalid(pgettext_lazy("payments error", "The amounts are in another currency."), field="currency")
    if minimum.minor <= 0:
        raise Invalid(pgettext_lazy("payments error", "Enter an amount above zero."), field="minimum")
    before = minimum
    for name, cap in given.items():  # the longer the time, the more fits in
        if cap < before:
            raise Invalid(
                pgettext_lazy(
                    "payments error", "This is below the least amount, or below the limit of a shorter time."
                ),
                field=name,
            )
        before = cap


def _store(policy: WithdrawalPolicy) -> None:
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as error:
        raise Invalid(
            pgettext_lazy("payments error", "This currency has limits at this level already; change those."),
            field="currency",
        ) from error


def _figures(policy: WithdrawalPolicy) -> dict[str, Any]:
    caps = {"daily": policy.daily, "weekly": policy.weekly, "monthly": policy.monthly}
    return {"currency": policy.currency, "kyc_level": policy.kyc_level, "minimum": str(policy.minimum)} | {
        name: None if cap is None else str(cap) for name, cap in caps.items()
    }
