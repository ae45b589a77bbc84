"""Cases: what a person has to look at. Opening one twice changes nothing."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.live.publish import publish
from kernel.money import Money
from tenant_apps.ledger import services as ledger
from tenant_apps.trading.errors import DuplicateOperation
from tenant_apps.trading.ledgers import counter
from tenant_apps.trading.models import Case, CaseKind, TradingAccount, TradingServer
from tenant_apps.trading.permissions_list import CASES_EDIT

TOPIC = "money"


def case_open(
    *,
    kind: str,
    server: TradingServer,
    dedupe_key: str,
    account: TradingAccount | None = None,
    amount: Money | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Open a case, unless one with this key was ever opened."""
    case = Case(
        kind=kind,
        server=server,
        account=account,
        amount_minor=amount.minor if amount else None,
        currency=amount.currency if amount else "",
        data=data or {},
        dedupe_key=dedupe_key[:120],
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    Case.objects.bulk_create([case], ignore_conflicts=True)
    with transaction.atomic():
        publish(TOPIC, {"case": kind})


def duplicate(account: TradingAccount, error: DuplicateOperation) -> None:
    """One operation id on several records of the server: money or an account came into being twice."""
    case_open(
        kind=CaseKind.DUPLICATE,
        server=account.server,
        account=account,
        dedupe_key=f"duplicate:{error.operation_id}",
        data={"operation": error.operation_id, "found": list(error.deals)},
    )


def case_resolve(*, actor: Actor, case_id: Any, note: str) -> Case:
    """Close a case with a note. Money that moved without us leaves `suspense` for the house's adjustments.

    Raises Conflict when somebody else resolved it meanwhile.
    """
    actor.require(CASES_EDIT)
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        if case.resolved_at:
            raise Conflict
        case.resolved_at = case.updated_at = clock.now()
        case.resolved_by, case.note = actor.label[:160], note[:500]
        case.save(update_fields=["resolved_at", "updated_at", "resolved_by", "note"])
        if case.kind == CaseKind.ORPHAN_DEAL and case.amount:
            _settle(case, case.amount, actor)
        audit.record(
            actor=actor,
            action="trading.case_resolved",
            obj=case,
            reason=note,
            subject=case.account.client_id if case.account else "",
            after={"kind": case.kind, "data": case.data},
        )
        publish(TOPIC, {"case": case.kind})
    return case


def _settle(case: Case, amount: Money, actor: Actor) -> None:
    suspense, adjustments = counter("suspense", amount.currency), counter("trading-adjustments", amount.currency)
    ledger.post(
        kind="trading.case_settled",
        legs=[ledger.Leg(suspense, amount), ledger.Leg(adjustments, -amount)],
        key=f"trading.case:{case.pk}",
        actor=actor,
        data={"reference": case.dedupe_key},
    )
