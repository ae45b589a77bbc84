"""The parts of a withdrawal: sent as commands, settled once, whatever order the news comes in."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from kernel import audit, clock
from kernel.actors import Actor
from kernel.commands import issue
from kernel.errors import Outside
from kernel.events import publish
from kernel.logs import log
from kernel.models import Command, CommandState
from kernel.money import Money
from tenant_apps.clients.timeline import timeline_add

from .. import events
from ..errors import WithdrawalRefused, WrongState
from ..models import PartState, Withdrawal, WithdrawalPart, WithdrawalState
from ..permissions_list import PROPOSE
from ..ports import RefundState, RefundStatus
from . import freezes, posting
from .providers import provider_of
from .waiting import withdrawal_tell

SILENCE = timedelta(hours=6)  # banks take days to carry a refund out; news of it may get lost
UNSETTLED = (PartState.PLANNED, PartState.SENDING)


def parts_send(withdrawal: Withdrawal, *, actor: Actor) -> None:
    """In the transaction of the approval: a refund command per source; wires wait for finance to send them."""
    for part in withdrawal.parts.select_related("deposit").filter(state=PartState.PLANNED).order_by("created_at", "id"):
        part.state = PartState.SENDING
        part.save(update_fields=["state"])
        if part.deposit is None:
            continue
        issue(
            "payments.refund",
            aggregate=f"deposit:{part.deposit_id}",
            payload={
                "part_id": part.pk,
                "account_id": part.provider_account_id,
                "payment_reference": part.deposit.payment_reference,
                "amount": part.amount,
                "reference": withdrawal.reference,
            },
            actor=actor,
            reason=withdrawal.reference,
            command_id=part.pk,
        )


def part_apply(*, part_id: UUID, status: RefundStatus, actor: Actor) -> str:
    """Take in what the provider says of a part. Any order, any number of times."""
    with transaction.atomic():
        withdrawal_id = WithdrawalPart.objects.values_list("withdrawal_id", flat=True).get(pk=part_id)
        withdrawal = Withdrawal.objects.select_for_update(of=("self",)).get(pk=withdrawal_id)
        part = WithdrawalPart.objects.select_for_update(of=("self",)).select_related("provider_account").get(pk=part_id)
        part.withdrawal = withdrawal
        part.provider_reference = part.provider_reference or status.reference
        if status.state is RefundState.SUCCEEDED:
            done = _paid(part, actor)
        elif status.state is RefundState.FAILED:
            done = _failed(part, status.failure_text, actor)
        else:
            done = "pending"
        part.updated_at = clock.now()
        part.save()
        if done in {"paid", "failed", "returned"}:
            _settle(withdrawal, actor)
        if done in {"failed", "returned"}:
            freezes.freeze_more(withdrawal.client_id, withdrawal.currency)
    return done


def parts_to_ask() -> list[UUID]:
    """Refunds that a provider took on ("pending") and has been silent about since. Wires wait for a person."""
    told = Command.objects.filter(state=CommandState.SUCCEEDED)
    silent = WithdrawalPart.objects.filter(
        state=PartState.SENDING, deposit__isnull=False, updated_at__lte=clock.now() - SILENCE, pk__in=told.values("pk")
    )
    return list(silent.order_by("updated_at").values_list("pk", flat=True)[:50])


def part_ask(*, part_id: UUID, actor: Actor) -> str:
    """Ask the provider how a refund stands, and take in the answer. Not inside a transaction."""
    part = WithdrawalPart.objects.select_related("deposit", "provider_account").get(pk=part_id)
    WithdrawalPart.objects.filter(pk=part_id).update(updated_at=clock.now())
    if part.deposit is None:
        return "nothing"
    try:
        found = provider_of(part.provider_account).find_refund(
            part.pk, payment_reference=part.deposit.payment_reference
        )  # fmt: skip
    except Outside as error:
        log.warning("refund_not_told", part=str(part_id), error=str(error))
        return "no answer"
    return part_apply(part_id=part_id, status=found, actor=actor) if found else "not known there"


def _paid(part: WithdrawalPart, actor: Actor) -> str:
    if part.state == PartState.PAID:
        return "nothing"
    if part.state not in UNSETTLED:
        log.error("refund_after_failure", part=str(part.pk))
        return "nothing"
    posting.part_capture(part, actor=actor)
    part.state, part.closed_at = PartState.PAID, clock.now()
    return "paid"


def _failed(part: WithdrawalPart, words: str, actor: Actor) -> str:
    """Refused: what was held is released. Failed after it had been paid: the money comes back to the wallet."""
    if part.state in (PartState.FAILED, PartState.DROPPED):
        return "nothing"
    was_paid = part.state == PartState.PAID
    if was_paid:
        posting.part_return(part, actor=actor)
    else:
        posting.part_release(part)
    part.state, part.closed_at, part.failure_text = PartState.FAILED, clock.now(), words[:300]
    return "returned" if was_paid else "failed"


def _settle(withdrawal: Withdrawal, actor: Actor) -> None:
    """When no part is on its way any more, the withdrawal is paid (in whole or part) or failed."""
    rows = list(withdrawal.parts.all())
    paid = sum(part.amount_minor for part in rows if part.state == PartState.PAID)
    withdrawal.paid_minor = paid
    withdrawal.updated_at = clock.now()
    before = withdrawal.state
    if not any(part.state in UNSETTLED for part in rows):
        withdrawal.state = WithdrawalState.PAID if paid else WithdrawalState.FAILED
        withdrawal.closed_at = clock.now()
    withdrawal.save()
    withdrawal_tell(withdrawal)
    if withdrawal.state == before:
        return
    if withdrawal.state == WithdrawalState.PAID:
        _announce_paid(withdrawal, actor)
    else:
        _announce_failed(withdrawal, actor, next((part.failure_text for part in rows if part.failure_text), ""))


def _announce_paid(withdrawal: Withdrawal, actor: Actor) -> None:
    publish(
        events.WithdrawalPaid(
            withdrawal_id=withdrawal.pk, client_id=withdrawal.client_id, amount=withdrawal.paid
        ),
        aggregate=f"withdrawal:{withdrawal.pk}",
        actor=actor,
    )  # fmt: skip
    _close_line(withdrawal, "payments.withdrawal_paid", actor, withdrawal.paid)


def _announce_failed(withdrawal: Withdrawal, actor: Actor, words: str) -> None:
    publish(
        events.WithdrawalFailed(
            withdrawal_id=withdrawal.pk, client_id=withdrawal.client_id, amount=withdrawal.amount, reason=words
        ),
        aggregate=f"withdrawal:{withdrawal.pk}",
        actor=actor,
    )
    _close_line(withdrawal, "payments.withdrawal_failed", actor, withdrawal.amount)


def _close_line(withdrawal: Withdrawal, kind: str, actor: Actor, amount: Money) -> None:
    timeline_add(
        client_id=withdrawal.client_id,
        kind=kind,
        actor=actor,
        data={"withdrawal_id": withdrawal.pk, "reference": withdrawal.reference, "amount": amount},
        dedupe_key=f"{kind}:{withdrawal.pk}",
    )
    audit.record(actor=actor, action=kind, obj=withdrawal, subject=withdrawal.client_id, after={"amount": str(amount)})


def part_sent_by_hand(*, actor: Actor, part_id: UUID, bank_reference: str) -> str:
    """Finance has sent a wire from the bank's own pages; `bank_reference` is the bank's. Raises WrongState."""
    part = WithdrawalPart.objects.select_related("withdrawal__client").get(pk=part_id)
    actor.require(PROPOSE, part.withdrawal.client)
    if part.deposit_id is not None or part.state != PartState.SENDING:
        raise WrongState
    if part.withdrawal.hold_reason:
        raise WithdrawalRefused(check="held")
    with transaction.atomic():
        WithdrawalPart.objects.filter(pk=part.pk).update(sent_by=actor.label[:160])
        audit.record(
            actor=actor,
            action="payments.wire_sent",
            obj=part.withdrawal,
            subject=part.withdrawal.client_id,
            after={"amount": str(part.amount), "bank_reference": bank_reference},
        )
        status = RefundStatus(state=RefundState.SUCCEEDED, reference=bank_reference[:120], amount=part.amount)
        return part_apply(part_id=part.pk, status=status, actor=actor)
