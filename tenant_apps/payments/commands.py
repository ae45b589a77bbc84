"""Outside calls that give money back or pay it out. The part's id is the operation id: sent again it has one effect, or
is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.utils.translation import pgettext

from kernel import clock, http
from kernel.commands import CommandType, command
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.models import Command
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.payments.actors import REFUND

from . import addresses, registry
from .errors import AmountNotPayable, PayoutStopped
from .models import Destination, PartState, ProviderAccount, WithdrawalPart
from .ports import PayoutOrder, PayoutProvider, RefundState, RefundStatus
from .services import health
from .services.deposits import payer_of
from .services.next_account import not_paid_before, part_rejected
from .services.parts import found_there, part_apply
from .services.payout_routing import rests
from .services.providers import provider_of
from .services.stops import HELD, stop_now


def _as_result(status: RefundStatus) -> dict[str, Any]:
    return {
        "state": status.state.value,
        "reference": status.reference,
        "amount": status.amount.as_json(),
        "failure_text": status.failure_text,
        "page_url": status.page_url,
        "fee": status.fee.as_json() if status.fee else None,
    }


def _from_result(result: Mapping[str, Any]) -> RefundStatus:
    return RefundStatus(
        state=RefundState(result["state"]),
        reference=str(result["reference"]),
        amount=Money.from_json(result["amount"]),
        failure_text=str(result["failure_text"]),
        page_url=str(result.get("page_url", "")),
        fee=Money.from_json(result["fee"]) if result.get("fee") else None,
    )


@contextmanager
def _not_payable_is_refused() -> Iterator[None]:
    """An amount that the provider's units cannot say was not sent, and never will be: repeating it would not end."""
    try:
        yield
    except AmountNotPayable as error:
        raise Rejected(str(error)) from error


@contextmanager
def _certainly(part: WithdrawalPart, command: Command) -> Iterator[None]:
    """A refusal counts only where every attempt was answered, or asking proved that the lost one was not carried out: else
    that may be why the next was refused.

    What was refused after a lost attempt is not sent again: it is asked about until that tells, or somebody does
    (services/by_hand.py), and the refusal's words stand with the part meanwhile."""
    with http.lost_writes() as lost:
        try:
            yield
        except (Rejected, Unavailable) as error:
            if isinstance(error, Rejected) and part.uncertain and not _proven(part, command):
                WithdrawalPart.objects.filter(pk=part.pk).update(failure_text=(str(error) or error.code)[:300])
                raise OutcomeUnknown(str(error)) from error
            if lost:
                raise OutcomeUnknown(str(error)) from error
            raise


def _proven(part: WithdrawalPart, command: Command) -> bool:
    """Whether nothing came of a lost attempt, now that asking did not find it, or its answer is what was given again."""
    known = registry.capabilities(part.provider_account.kind)
    if part.deposit_id is None:
        return known.payouts_found
    return known.refunds_found or clock.now() - command.created_at <= known.same_answer


def _not_refused_in_doubt(part: WithdrawalPart) -> None:
    """Raises OutcomeUnknown for what `_certainly` found refused after a lost attempt."""
    if part.uncertain and part.failure_text:
        raise OutcomeUnknown(part.failure_text)


@contextmanager
def _health_kept(account_id: UUID) -> Iterator[None]:
    """Whether the provider answers counts for payouts as for deposits."""
    try:
        yield
    except Rejected:
        health.call_worked(account_id)
        raise
    except Unavailable:
        health.call_failed(account_id)
        raise
    health.call_worked(account_id)


SETTLED = {
    PartState.PAID: RefundState.SUCCEEDED,
    PartState.FAILED: RefundState.FAILED,
    PartState.DROPPED: RefundState.FAILED,
}


def _settled(part: WithdrawalPart) -> RefundStatus | None:
    """A part that news, or somebody, has settled: there is nothing to send any more."""
    state = SETTLED.get(PartState(part.state))
    if state is None:
        return None
    return RefundStatus(
        state=state, reference=part.provider_reference, amount=part.amount, failure_text=part.failure_text
    )


@command("payments.refund")
class RefundCommand(CommandType):
    """Give a share of a withdrawal back to the payment it came from; not while the withdrawal is stopped."""

    def patience_of(self, command: Command) -> timedelta:
        account = ProviderAccount.objects.get(pk=command.payload["account_id"])
        return registry.capabilities(account.kind).refund_quiet

    def send(self, command: Command) -> Mapping[str, Any]:
        part = _part(command)
        if done := _settled(part):
            return _as_result(done)
        self.may_go(part)
        _not_refused_in_doubt(part)
        with _not_payable_is_refused(), _certainly(part, command):
            return _as_result(self.call(part, command))

    def may_go(self, part: WithdrawalPart) -> None:
        """Raises PayoutStopped. The command waits then: what was never sent stays so, what may have been is still asked
        about."""
        if stop_now(part.pk) == HELD:
            raise PayoutStopped

    def call(self, part: WithdrawalPart, command: Command) -> RefundStatus:
        return provider_of(part.provider_account).refund(
            operation_id=command.pk,
            payment_reference=command.payload["payment_reference"],
            amount=Money.from_json(command.payload["amount"]),
            reason=command.payload["reference"],
        )

    def find(self, command: Command) -> Mapping[str, Any] | None:
        """Asked only when the outcome of a call is unknown: that is written down first, so that a refusal later on is
        never taken for proof that nothing was paid. What news has settled meanwhile needs no asking, and could not be asked
        about everywhere."""
        WithdrawalPart.objects.filter(pk=command.pk, uncertain=False).update(uncertain=True)
        part = _part(command)
        found = _settled(part) or found_there(part)
        return _as_result(found) if found else None

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        part_apply(part_id=UUID(command.payload["part_id"]), status=_from_result(result), actor=REFUND)

    def failed(self, command: Command, error: Rejected) -> None:
        amount = Money.from_json(command.payload["amount"])
        refused = RefundStatus(state=RefundState.FAILED, reference="", amount=amount, failure_text=str(error))
        part_apply(part_id=UUID(command.payload["part_id"]), status=refused, actor=REFUND)


@command("payments.payout")
class PayoutCommand(RefundCommand):
    """Pay a share of a withdrawal out to the destination that the client has in the address book.

    The destination is read, and has to be usable still, at the time of the call: one refused in between gets nothing.
    While its account rests it waits. Refused by the provider, it may go on at another (services/next_account.py).
    """

    def may_go(self, part: WithdrawalPart) -> None:
        """Raises Rejected for an account that nothing may be paid to; what may be outside already is not given back for its
        sake."""
        if stop := stop_now(part.pk):
            if stop == HELD or part.uncertain:
                raise PayoutStopped
            raise Rejected(pgettext("payments error", "Nothing may be paid to this account any more."))
        not_paid_before(part)
        if rests(part):
            raise PayoutStopped

    def call(self, part: WithdrawalPart, command: Command) -> RefundStatus:
        destination = part.withdrawal.destination
        assert destination is not None  # `payout_issue` names it, too
        provider = cast(PayoutProvider, provider_of(part.provider_account))
        with _health_kept(part.provider_account_id):
            return provider.payout(payout_order(part, destination))

    def failed(self, command: Command, error: Rejected) -> None:
        part_rejected(part_id=UUID(command.payload["part_id"]), words=str(error), actor=REFUND)


def _part(command: Command) -> WithdrawalPart:
    """The part that a command carries out; they have one id."""
    rows = WithdrawalPart.objects.select_related("withdrawal__client", "withdrawal__destination", "provider_account")
    return rows.get(pk=command.pk)


def payout_order(part: WithdrawalPart, destination: Destination) -> PayoutOrder:
    withdrawal, client = part.withdrawal, part.withdrawal.client
    return PayoutOrder(
        operation_id=part.pk,
        reference=withdrawal.reference,
        amount=part.amount,
        method=destination.method,
        destination=destination.details,
        payee=payer_of(client),
        language=client.language,
        description=f"{context.tenant().name} {withdrawal.reference}",
        webhook_url=addresses.webhook_url(part.provider_account_id),
        return_url=addresses.withdrawal_url(withdrawal.pk),
    )
