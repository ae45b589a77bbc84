"""Limits of withdrawals per currency. Checks read them at the request, at checking and at approval (services.checks)."""

from __future__ import annotations

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
    *, actor: Actor, policy_id: UUID | None = None, currency: str, minimum: Money, daily: Money | None
) -> WithdrawalPolicy:
    """Set a currency's least amount and what one client may take out in 24 hours (None: no limit).

    An existing row keeps its currency. Raises Invalid for amounts that leave no withdrawal possible and for a second row
    of a currency, NotFound.
    """
    actor.require(LIMITS)
    with transaction.atomic():
        policy = _locked(policy_id) if policy_id else WithdrawalPolicy(currency=currency)
        _sound(policy.currency, minimum, daily)
        before = _figures(policy) if policy_id else {}
        policy.minimum_minor, policy.daily_minor = minimum.minor, daily.minor if daily else None
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


def _sound(currency: str, minimum: Money, daily: Money | None) -> None:
    if {minimum.currency, (daily or minimum).currency} != {currency}:
        raise Invalid(pgettext_lazy("payments error", "The amounts are in another currency."), field="currency")
    if minimum.minor <= 0:
        raise Invalid(pgettext_lazy("payments error", "Enter an amount above zero."), field="minimum")
    if daily is not None and daily < minimum:
        raise Invalid(pgettext_lazy("payments error", "This is below the least amount."), field="daily")


def _store(policy: WithdrawalPolicy) -> None:
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as error:
        raise Invalid(
            pgettext_lazy("payments error", "This currency has limits already; change those."), field="currency"
        ) from error


def _figures(policy: WithdrawalPolicy) -> dict[str, Any]:
    daily = policy.daily
    return {"currency": policy.currency, "minimum": str(policy.minimum), "daily": str(daily) if daily else None}
