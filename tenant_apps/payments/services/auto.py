"""Withdrawals let through by a rule, no person asked, as long as its caps hold.

Invariants. Only a rule's own conditions and every check that a person would have seen can let money out. The sums over
24 hours, 7 and 30 days include the withdrawal itself and are read under one lock per brokerage, so that two at once cannot
both take the last of a cap.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Sum

from kernel import clock, locks
from kernel.actors import Actor, system
from kernel.logs import log

from ..models import ApprovalRule, ApprovalStep, Withdrawal, WithdrawalState
from .checks import ADVICE, withdrawal_checks
from .risk import BY_PEOPLE

GONE = (WithdrawalState.REJECTED, WithdrawalState.CANCELLED, WithdrawalState.FAILED)
DAY, WEEK, MONTH = timedelta(hours=24), timedelta(days=7), timedelta(days=30)


def rule_actor(rule: ApprovalRule) -> Actor:
    return system(f"rule: {rule.name}")


def lets_through(row: Withdrawal) -> list[dict[str, Any]] | None:
    """The checks by which the row's rule lets it out now; None where people decide. In the transaction of the request;
    `row` and its parts are written."""
    rule = row.rule
    if rule is None or not rule.auto or row.requested_by or row.risk >= rule.auto_risk_below:
        return None
    if BY_PEOPLE.intersection(row.risk_signs):
        return None
    checks = withdrawal_checks(row)
    if any(not check["good"] for check in checks if check["code"] not in ADVICE):
        return None
    locks.hold("payments.auto")
    if short := next((name for name, there in _caps(row, rule).items() if not there), ""):
        log.info("withdrawal_not_auto", withdrawal=str(row.pk), cap=short)
        return None
    return checks


def _caps(row: Withdrawal, rule: ApprovalRule) -> dict[str, bool]:
    def within(cap: int | None, span: timedelta, *, client: bool) -> bool:
        if cap is None:
            return True
        done = Withdrawal.objects.filter(auto=True, currency=row.currency, created_at__gt=clock.now() - span)
        done = done.exclude(state__in=GONE).exclude(pk=row.pk)
        if client:
            done = done.filter(client_id=row.client_id)
        return int(done.aggregate(total=Sum("amount_minor"))["total"] or 0) + row.amount_minor <= cap

    return {
        "client_daily": within(rule.client_daily_minor, DAY, client=True),
        "client_weekly": within(rule.client_weekly_minor, WEEK, client=True),
        "client_monthly": within(rule.client_monthly_minor, MONTH, client=True),
        "total_daily": within(rule.total_daily_minor, DAY, client=False),
    }


def steps_by_rule(row: Withdrawal, actor: Actor) -> None:
    """Mark the chain as decided by the rule: one line that says so, and none that looks like a person's."""
    ApprovalStep.objects.filter(withdrawal=row, position__gt=0).delete()
    ApprovalStep.objects.filter(withdrawal=row).update(
        decided_at=clock.now(), decided_by_label=actor.label[:160], updated_at=clock.now()
    )
