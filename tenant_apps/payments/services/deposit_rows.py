"""What every move of a deposit shares: its row under lock, its saving, the news of it, and its end without money."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from kernel import clock
from kernel.actors import Actor
from kernel.events import publish
from kernel.live import publish as live
from tenant_apps.clients.timeline import timeline_add

from .. import events
from ..models import Deposit, DepositState
from ..ports import DepositStatus
from .provider_fees import deposit_fee_told
from .turns import turn_of_deposit

Move = Callable[[Deposit, DepositStatus, Actor], str]


def locked(deposit_id: UUID) -> Deposit:
    """In its client's turn. Raises Deposit.DoesNotExist."""
    turn_of_deposit(deposit_id)
    return (
        Deposit.objects.select_for_update(of=("self",)).select_related("client", "provider_account").get(pk=deposit_id)
    )


def save(deposit: Deposit) -> None:
    deposit.updated_at = clock.now()
    deposit.save()


def tell(deposit: Deposit) -> None:
    live.publish(f"client:{deposit.client_id}", {"deposit": str(deposit.pk), "state": deposit.state})
    live.publish("money")


def line(deposit: Deposit, kind: str, actor: Actor, *, once: str = "", **data: object) -> None:
    timeline_add(
        client_id=deposit.client_id,
        kind=kind,
        actor=actor,
        data={"deposit_id": deposit.pk, "reference": deposit.reference, **data},
        dedupe_key=":".join(filter(None, (kind, str(deposit.pk), once))),
    )


def closed(deposit: Deposit, to: DepositState, actor: Actor) -> str:
    deposit.state = to
    deposit.closed_at = clock.now()
    save(deposit)
    publish(
        events.DepositFailed(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=deposit.amount,
            provider=deposit.provider_account.kind,
            method=deposit.method,
            reason=deposit.failure or str(to.value),
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    line(deposit, "payments.deposit_failed", actor, amount=deposit.amount, reason=deposit.failure or str(to.value))
    tell(deposit)
    return str(to.value)


def applied(deposit_id: UUID, move: Move, status: DepositStatus, actor: Actor) -> str:
    """Make one move under the row's lock, in one transaction. Returns what was done, in a word."""
    with transaction.atomic():
        deposit = locked(deposit_id)
        _learn(deposit, status)
        done = move(deposit, status, actor)
        _fee_told(deposit, status, actor)
        save(deposit)
        if done != "nothing":
            tell(deposit)
    return done


def _fee_told(deposit: Deposit, status: DepositStatus, actor: Actor) -> None:
    """Of a further payment to the same address, which is a deposit of its own, the fee is that one's."""
    if status.apart and status.payment_reference and status.payment_reference != deposit.payment_reference:
        others = Deposit.objects.filter(provider_account_id=deposit.provider_account_id).exclude(pk=deposit.pk)
        other = others.filter(payment_reference=status.payment_reference).values_list("pk", flat=True).first()
        if other is not None:
            payment = locked(other)
            deposit_fee_told(payment, status.fee, actor)
            save(payment)
        return
    deposit_fee_told(deposit, status.fee, actor)


def _learn(deposit: Deposit, status: DepositStatus) -> None:
    """References and the masked instrument: kept when first heard of."""
    deposit.provider_reference = deposit.provider_reference or status.provider_reference
    deposit.payment_reference = deposit.payment_reference or status.payment_reference
    deposit.source = deposit.source or status.source[:80]
    deposit.source_country = deposit.source_country or status.source_country[:2]
