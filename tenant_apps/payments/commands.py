"""Outside calls that give money back. The part's id is the operation id: sent again it has one effect, or is found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from kernel.commands import CommandType, command
from kernel.errors import Rejected
from kernel.models import Command
from kernel.money import Money
from tenant_apps.payments.actors import REFUND

from . import registry
from .models import ProviderAccount
from .ports import RefundState, RefundStatus
from .services.parts import part_apply
from .services.providers import provider_of


def _as_result(status: RefundStatus) -> dict[str, Any]:
    return {
        "state": status.state.value,
        "reference": status.reference,
        "amount": status.amount.as_json(),
        "failure_text": status.failure_text,
    }


def _from_result(result: Mapping[str, Any]) -> RefundStatus:
    return RefundStatus(
        state=RefundState(result["state"]),
        reference=str(result["reference"]),
        amount=Money.from_json(result["amount"]),
        failure_text=str(result["failure_text"]),
    )


@command("payments.refund")
class RefundCommand(CommandType):
    """Give a share of a withdrawal back to the payment it came from."""

    def patience_of(self, command: Command) -> timedelta:
        account = ProviderAccount.objects.get(pk=command.payload["account_id"])
        return registry.capabilities(account.kind).refund_quiet

    def send(self, command: Command) -> Mapping[str, Any]:
        payload = command.payload
        account = ProviderAccount.objects.get(pk=payload["account_id"])
        return _as_result(
            provider_of(account).refund(
                operation_id=command.pk,
                payment_reference=payload["payment_reference"],
                amount=Money.from_json(payload["amount"]),
                reason=payload["reference"],
            )
        )

    def find(self, command: Command) -> Mapping[str, Any] | None:
        payload = command.payload
        account = ProviderAccount.objects.get(pk=payload["account_id"])
        found = provider_of(account).find_refund(command.pk, payment_reference=payload["payment_reference"])
        return _as_result(found) if found else None

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        part_apply(part_id=UUID(command.payload["part_id"]), status=_from_result(result), actor=REFUND)

    def failed(self, command: Command, error: Rejected) -> None:
        amount = Money.from_json(command.payload["amount"])
        refused = RefundStatus(state=RefundState.FAILED, reference="", amount=amount, failure_text=str(error))
        part_apply(part_id=UUID(command.payload["part_id"]), status=refused, actor=REFUND)
