"""Transfers from one client's wallet to another client's, where the brokerage allows them.

States: done, or waiting → done | rejected | cancelled. While it waits, a hold of its own keeps the amount in the sender's
wallet; the hold ends exactly once, captured or released.

Invariants. Number and address have to match, and every reason why nobody is found has one answer, after the same work:
nobody learns here who is a client. The day's sum is counted under the sender's lock. Who approves is staff, and reads
neither party's mailbox. Nothing leaves a client whose money is stopped. A form sent twice counts once (sender, key).
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, locks, throttle
from kernel.actors import Actor
from kernel.errors import Conflict, Invalid, NotFound
from kernel.events import publish
from kernel.ids import short_id
from kernel.live import publish as live
from kernel.money import Money
from tenant_apps.clients.eyes import others_required
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.models import Hold
from tenant_apps.ledger.services import Leg, hold_capture, hold_place, hold_void, post

from .. import events
from ..errors import MoveRefused, RecipientUnknown, WrongState
from ..models import ClientTransfer, ExchangePolicy, TransferPolicy, TransferState
from ..permissions_list import SETTINGS, TRANSFER_APPROVE
from ..rates import exchange_policy
from ..stops import asked_for, stopped
from . import wallet_ensure
from .checks import enough_required, mover_required
from .waiting import staff_tell

TRANSFER = "wallets.transfer"
COUNTED = (TransferState.WAITING, TransferState.DONE)
DAY = timedelta(hours=24)
NOBODY = "nobody@invalid"


def client_transfer_send(
    *, actor: Actor, client: Client, number: int, email: str, amount: Money, key: str, note: str = ""
) -> ClientTransfer:
    """Send to the client who has this number and this address; done at once, or held until staff agree.

    Raises MoveRefused (with `check`), RecipientUnknown, TooMany, InsufficientFunds, AccountFrozen; Conflict for a key that
    came with another request. Nothing has moved then.
    """
    actor.require_client(client.pk)
    try:
        with asked_for(client.pk, actor), transaction.atomic():
            locks.hold(f"wallets.transfers:{client.pk}")
            known = ClientTransfer.objects.filter(sender=client, key=key).select_related("recipient").first()
            if known is not None:
                return _same(known, number, email, amount)
            policy = _allowed(client, amount)
            throttle.check("wallets.recipient", str(client.pk), burst=6, per_minute=1)
            recipient = _recipient(number, email, besides=client)
            return _made(actor, client, recipient, amount, policy, key=key, note=note)
    except RecipientUnknown:
        times = throttle.worth_a_line("wallets.recipient", str(client.pk))
        if times:
            audit.record(
                actor=actor, action="wallets.recipient_unknown", obj=client, subject=client.pk, after={"times": times}
            )
        raise


def _same(row: ClientTransfer, number: int, email: str, amount: Money) -> ClientTransfer:
    if (row.recipient.number, row.amount) != (number, amount) or not _matches(row.recipient.email, email):
        raise Conflict
    return row


def _allowed(client: Client, amount: Money) -> TransferPolicy:
    """Everything that can be said without looking for the recipient. Raises MoveRefused."""
    policy = TransferPolicy.objects.filter(currency=amount.currency).first()
    if not exchange_policy().transfers_enabled or policy is None:
        raise MoveRefused(pgettext_lazy("wallets error", "Transfers to other clients are not offered."), check="off")
    _sender_required(client)
    if amount < policy.minimum:
        raise MoveRefused(
            pgettext_lazy("wallets error", "This is less than the least amount of a transfer."),
            field="amount", check="limits",
        )  # fmt: skip
    recent = ClientTransfer.objects.filter(
        sender=client, currency=amount.currency, state__in=COUNTED, created_at__gt=clock.now() - DAY
    )
    if (recent.aggregate(total=Sum("amount_minor"))["total"] or 0) + amount.minor > policy.daily_minor:
        raise MoveRefused(
            pgettext_lazy("wallets error", "This is more than can be sent in 24 hours."), field="amount", check="limits"
        )
    enough_required(client, amount)
    return policy


def _sender_required(client: Client) -> None:
    """Raise MoveRefused for who may move nothing now, or nothing to others (stops.py)."""
    mover_required(client)
    if stopped(client.pk):
        raise MoveRefused(
            pgettext_lazy("wallets error", "Transfers to other clients are stopped for now. Please contact support."),
            check="stopped",
        )


def _matches(one: str, other: str) -> bool:
    return hmac.compare_digest(one.strip().casefold().encode(), other.strip().casefold().encode())


def _recipient(number: int, email: str, *, besides: Client) -> Client:
    """One query and one comparison, whoever is or is not there. Raises RecipientUnknown."""
    found = Client.objects.filter(number=number if 0 < number < 2**31 else 0).first()
    matches = _matches(found.email if found else NOBODY, email)
    if found is None or not matches or not _may_receive(found) or found.pk == besides.pk:
        raise RecipientUnknown
    return found


def _may_receive(client: Client) -> bool:
    return client.kyc_state == KycState.APPROVED and client.stage != Stage.CLOSED and client.user_id is not None


def _made(
    actor: Actor, sender: Client, recipient: Client, amount: Money, policy: TransferPolicy, *, key: str, note: str
) -> ClientTransfer:
    row = ClientTransfer(
        sender=sender, recipient=recipient, reference=f"T{short_id(8).upper()}", key=key[:60], note=note.strip()[:140],
        amount_minor=amount.minor, currency=amount.currency,
    )  # fmt: skip
    if policy.approval is not None and amount > policy.approval:
        wallet = wallet_ensure(client_id=sender.pk, currency=amount.currency)
        hold = hold_place(account=wallet, amount=amount, key=f"wallets.transfer:{row.pk}", actor=actor, data=_told(row))
        row.state, row.hold_id = TransferState.WAITING, hold.pk
        row.save(force_insert=True)
        _note(row, "wallets.transfer_requested", actor, sender)
        live.publish("money")
        staff_tell(
            right=TRANSFER_APPROVE, client=sender, kind="wallets.transfer_waits", amount=amount, reference=row.reference,
            title=lambda: pgettext("notification", "A transfer between clients waits for your approval"),
            link=f"/wallets/transfers/{row.pk}/",
        )  # fmt: skip
        return row
    legs = _legs(row)
    row.transfer_id = post(kind=TRANSFER, legs=legs, key=f"wallets.transfer:{row.pk}", actor=actor, data=_told(row)).pk
    row.state, row.closed_at = TransferState.DONE, clock.now()
    row.save(force_insert=True)
    _done(row, actor)
    return row


def _legs(row: ClientTransfer) -> list[Leg]:
    return [
        Leg(wallet_ensure(client_id=row.sender_id, currency=row.currency), -row.amount),
        Leg(wallet_ensure(client_id=row.recipient_id, currency=row.currency), row.amount),
    ]


def _told(row: ClientTransfer) -> dict[str, Any]:
    return {
        "reference": row.reference, "client_transfer_id": row.pk, "from": row.sender.number, "to": row.recipient.number,
    }  # fmt: skip


def client_transfer_approve(*, actor: Actor, client_transfer_id: UUID) -> ClientTransfer:
    """Staff agree: what was held is the recipient's. Raises SamePerson, WrongState, MoveRefused, AccountFrozen."""
    owner = ClientTransfer.objects.filter(pk=client_transfer_id).values_list("sender_id", flat=True).first()
    if owner is None:
        raise NotFound
    with asked_for(owner, actor), transaction.atomic():
        row = _waiting(client_transfer_id)
        actor.require(TRANSFER_APPROVE, row.sender)
        signs = others_required(actor, client=row.sender) | others_required(actor, client=row.recipient)
        _sender_required(row.sender)
        if not _may_receive(row.recipient):
            raise MoveRefused(pgettext_lazy("wallets error", "The recipient may not receive now."), check="recipient")
        row.transfer_id = hold_capture(
            hold=_hold(row), kind=TRANSFER, legs=_legs(row),
            key=f"wallets.transfer:{row.pk}:approved", actor=actor, data=_told(row),
        ).pk  # fmt: skip
        _close(row, TransferState.DONE, actor)
        _done(row, actor, likeness=sorted(signs))
    return row


def client_transfer_reject(*, actor: Actor, client_transfer_id: UUID, reason: str) -> ClientTransfer:
    """Staff refuse, with a reason the sender reads; the amount is available again."""
    if not reason.strip():
        raise Invalid(pgettext_lazy("wallets error", "Give a reason."), field="reason")
    with transaction.atomic():
        row = _waiting(client_transfer_id)
        actor.require(TRANSFER_APPROVE, row.sender)
        row.refusal = reason.strip()[:300]
        hold_void(hold=_hold(row))
        _close(row, TransferState.REJECTED, actor)
        _note(row, "wallets.transfer_rejected", actor, row.sender, reason=row.refusal)
        publish(
            events.ClientTransferRejected(**_facts(row)), aggregate=f"client_transfer:{row.pk}", actor=actor
        )  # fmt: skip
    return row


def client_transfer_cancel(*, actor: Actor, client_transfer_id: UUID) -> ClientTransfer:
    """The sender changes their mind while it waits. Raises WrongState later."""
    with transaction.atomic():
        row = _waiting(client_transfer_id)
        actor.require_client(row.sender_id)
        hold_void(hold=_hold(row))
        _close(row, TransferState.CANCELLED, actor)
        _note(row, "wallets.transfer_cancelled", actor, row.sender)
    return row


def _waiting(client_transfer_id: UUID) -> ClientTransfer:
    rows = ClientTransfer.objects.select_for_update(of=("self",)).select_related("sender", "recipient")
    row = rows.filter(pk=client_transfer_id).first()
    if row is None:
        raise NotFound
    if row.state != TransferState.WAITING:
        raise WrongState
    return row


def _hold(row: ClientTransfer) -> Hold:
    assert row.hold_id is not None, "the database has no waiting transfer without a hold"
    return Hold.objects.get(pk=row.hold_id)


def _close(row: ClientTransfer, to: TransferState, actor: Actor) -> None:
    row.state = to
    row.decider_id, row.decider_label = actor.id, actor.label[:160]
    row.closed_at = row.updated_at = clock.now()
    row.save()
    live.publish("money")


def _facts(row: ClientTransfer) -> dict[str, Any]:
    return {
        "client_transfer_id": row.pk, "sender_id": row.sender_id, "recipient_id": row.recipient_id, "amount": row.amount,
    }  # fmt: skip


def _done(row: ClientTransfer, actor: Actor, likeness: list[str] | None = None) -> None:
    _note(row, "wallets.transfer_sent", actor, row.sender, likeness=likeness)
    _line(row, "wallets.transfer_received", actor, row.recipient)
    publish(events.ClientTransferDone(**_facts(row)), aggregate=f"client_transfer:{row.pk}", actor=actor)


def _note(
    row: ClientTransfer, kind: str, actor: Actor, client: Client, *, reason: str = "", likeness: list[str] | None = None
) -> None:
    _line(row, kind, actor, client)
    after: dict[str, Any] = {"amount": str(row.amount), "from": row.sender.number, "to": row.recipient.number}
    if likeness:
        after["likeness"] = likeness
    audit.record(actor=actor, action=kind, obj=row, subject=client.pk, reason=reason, after=after)


def _line(row: ClientTransfer, kind: str, actor: Actor, client: Client) -> None:
    timeline_add(
        client_id=client.pk, kind=kind, actor=actor, data={**_told(row), "amount": row.amount, "reason": row.refusal},
        dedupe_key=f"{kind}:{row.pk}",
    )  # fmt: skip


# --- the brokerage's rules


def transfers_switch(*, actor: Actor, on: bool) -> ExchangePolicy:
    """Let clients send to each other, or stop it; what waits stays for staff to decide."""
    actor.require(SETTINGS)
    with transaction.atomic():
        row = ExchangePolicy.objects.select_for_update().first() or ExchangePolicy()
        if row.transfers_enabled != on:
            row.transfers_enabled, row.updated_at = on, clock.now()
            row.save()
            audit.record(
                actor=actor,
                action="wallets.transfers_switched",
                obj=row,
                before={"enabled": not on},
                after={"enabled": on},
            )
    return row


def transfer_policy_save(
    *, actor: Actor, currency: str, minimum: Money, daily: Money, approval: Money | None
) -> TransferPolicy:
    """A currency's limits. Raises Invalid for amounts that leave no transfer possible or are in another currency."""
    actor.require(SETTINGS)
    if {minimum.currency, daily.currency, (approval or daily).currency} != {currency}:
        raise Invalid(pgettext_lazy("wallets error", "The amounts are in another currency."), field="currency")
    if minimum.minor <= 0:
        raise Invalid(pgettext_lazy("wallets error", "Enter an amount above zero."), field="minimum")
    if daily < minimum:
        raise Invalid(pgettext_lazy("wallets error", "This is below the least amount."), field="daily")
    with transaction.atomic():
        locks.hold(f"wallets.transfer_policy:{currency}")
        row = TransferPolicy.objects.filter(currency=currency).first() or TransferPolicy(currency=currency)
        before = {} if row._state.adding else _limits(row)
        row.minimum_minor, row.daily_minor = minimum.minor, daily.minor
        row.approval_minor = None if approval is None else approval.minor
        was, now = audit.changes(before, _limits(row))
        row.updated_at = clock.now()
        row.save()
        if now:
            audit.record(actor=actor, action="wallets.transfer_limits_saved", obj=row, before=was, after=now)
    return row


def transfer_policy_remove(*, actor: Actor, policy_id: UUID) -> None:
    """From now on this currency cannot be sent. Raises NotFound."""
    actor.require(SETTINGS)
    with transaction.atomic():
        row = TransferPolicy.objects.select_for_update().filter(pk=policy_id).first()
        if row is None:
            raise NotFound
        audit.record(actor=actor, action="wallets.transfer_limits_removed", obj=row, before=_limits(row), after={})
        row.delete()


def _limits(row: TransferPolicy) -> dict[str, Any]:
    return {
        "currency": row.currency, "minimum": str(row.minimum), "daily": str(row.daily),
        "approval_above": str(row.approval) if row.approval is not None else None,
    }  # fmt: skip
