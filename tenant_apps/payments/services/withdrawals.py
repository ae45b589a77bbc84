"""Withdrawals: request, check, approve by another person, reject, cancel.

Invariants. From the request on the amount is held in the wallet, each part by a hold of its own; a hold ends exactly
once, captured by the payment or released. Who decided one step of the chain decides no other, nor does staff who made the
request; the database refuses it too. Parts add up to the request to the unit. Nothing is sent to a destination that is not
verified at that moment. Our fee is a share of each part, held and given back with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor, system
from kernel.errors import Invalid, NotFound
from kernel.events import publish
from kernel.ids import short_id
from kernel.money import Money
from tenant_apps.clients import identity_change
from tenant_apps.clients.address_change import payout_held
from tenant_apps.clients.models import Client, KycState
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.wallets.selectors import wallet_of

from .. import events
from ..errors import WithdrawalRefused, WrongState
from ..models import Destination, PartState, RejectReason, Withdrawal, WithdrawalPart, WithdrawalState
from ..payouts import WIRE
from ..permissions_list import APPROVE, PROPOSE
from . import freezes, funds, posting, refusals, waiting
from .auto import lets_through, rule_actor, steps_by_rule
from .chain import BACK, may_take, next_step, rule_for, step_take, steps_make
from .checks import ADVICE, withdrawal_checks, within_limits
from .destinations import destination_add, holder_writable, payout_settings, usable
from .due import due_after, hours_promised
from .eyes import as_shown, shown
from .parts import parts_send
from .risk import risk_of
from .sources import Plan, Share, plan
from .turns import turn
from .waiting import withdrawal_tell
from .withdrawal_fees import eaten_words, fee_seen


def withdrawal_request(
    *,
    actor: Actor,
    client: Client,
    amount: Money,
    destination: Destination | None = None,
    iban: str = "",
    holder: str = "",
    bank: str = "",
    fee_shown: Money | None = None,
) -> Withdrawal:
    """The client, or staff on the client's behalf, asks for money out; it is held at once.

    What cannot go back to a source goes to `destination`, or to the bank account typed, which then stands in the address
    book. Our fee is part of the amount; with `fee_shown` one that is more than that is refused, so that nobody pays what
    they have not seen. Raises WithdrawalRefused (with `check`), Invalid at a field, InsufficientFunds.
    """
    on_behalf = actor.kind != "client"
    if on_behalf and actor.kind != "system":
        actor.require(PROPOSE, client)
    elif not on_behalf:
        actor.require_client(client.pk)
    if destination is not None and destination.client_id != client.pk:
        raise NotFound
    with refusals.source_asked(client.pk, actor), transaction.atomic():
        turn(client.pk)
        freezes.freeze_more(client.pk, amount.currency)  # what came a moment ago, and whose news is still under way
        planned = _allowed(client, amount, destination)
        fee_seen(planned.fee, fee_shown)
        if planned.needs_destination and destination is None:
            typed = {"iban": iban, "holder": holder, "bank": bank}
            destination = destination_add(actor=_owner(actor), client=client, method=WIRE, details=typed)
        if planned.needs_destination and usable(destination) in ("refused", "retired"):
            raise WithdrawalRefused(
                pgettext_lazy("payments error", "We cannot pay to this account. Choose another."), field="destination"
            )
        if planned.needs_destination and destination is not None and not holder_writable(destination):
            raise WithdrawalRefused(
                pgettext_lazy(
                    "payments error",
                    "The holder of this account is not in Latin letters. Add it again, as in your passport.",
                ),
                field="destination",
            )
        row = _written(client, amount, planned, destination if planned.needs_destination else None, actor)
        for share in planned.shares:
            _part(row, share, actor)
        steps_make(row, row.rule)
        _note(row, "payments.withdrawal_requested", actor)
        publish(
            events.WithdrawalRequested(withdrawal_id=row.pk, client_id=client.pk, amount=amount),
            aggregate=f"withdrawal:{row.pk}",
            actor=actor,
        )
        if row.hold_reason:
            freezes.held_tell(row, actor)
        if (checks := lets_through(row)) is not None:
            _let_through(row, checks)
        else:
            withdrawal_tell(row)
            waiting.withdrawal_waits(row, besides=(actor.id,))
    return row


def _owner(actor: Actor) -> Actor:
    """Staff who may ask on a client's behalf may thereby write the account down; verifying it is another right."""
    return actor if actor.kind == "client" else system(f"on behalf: {actor.label}")


def _written(client: Client, amount: Money, planned: Plan, destination: Destination | None, actor: Actor) -> Withdrawal:
    risk = risk_of(client, amount, destination)
    method = destination.method if destination else BACK
    details = destination.details if destination else {}
    return Withdrawal.objects.create(
        client=client,
        reference=f"W{short_id(8).upper()}",
        amount_minor=amount.minor,
        fee_minor=planned.fee.minor,
        passed_on_minor=planned.passed_on.minor,
        currency=amount.currency,
        method=method,
        destination=destination,
        iban=str(details.get("iban", ""))[:34],
        holder=destination.holder if destination else "",
        bank=str(details.get("bank", ""))[:120],
        risk=risk.score,
        risk_signs=list(risk.signs),
        rule=rule_for(client, amount, method=method, risk=risk.score),
        due_at=_due(planned, method),
        requested_by=actor.id if actor.kind not in ("client", "system") else "",
        hold_reason=freezes.REVERSAL if freezes.frozen(client.pk) else "",
    )


def _due(planned: Plan, method: str) -> datetime:
    """As the slowest of its ways is promised."""
    rules, ways = payout_settings(), {method}
    ways |= {BACK} if any(share.deposit is not None for share in planned.shares) else set()
    return due_after(clock.now(), hours_promised(ways, rules), rules)


def _let_through(row: Withdrawal, checks: list[dict[str, Any]]) -> None:
    """No person is asked: the rule says so, and its caps hold."""
    assert row.rule is not None
    actor, now = rule_actor(row.rule), clock.now()
    row.auto, row.checks = True, checks
    row.checked_at = row.approved_at = now
    row.approver_label = actor.label[:160]
    steps_by_rule(row, actor)
    _send(row, actor, frozenset())


def _part(row: Withdrawal, share: Share, actor: Actor) -> None:
    part = WithdrawalPart(
        withdrawal=row,
        provider_account=share.account,
        deposit=share.deposit,
        amount_minor=share.sent.minor,
        fee_minor=share.fee.minor,
        passed_on_minor=share.passed_on.minor,
        currency=share.amount.currency,
    )
    part.hold_id = str(posting.part_hold(part, actor=actor).pk)
    part.save(force_insert=True)


def _allowed(client: Client, amount: Money, destination: Destination | None) -> Plan:
    """Refuse early what could not be paid anyway, in words that help."""
    if amount.minor <= 0:
        raise WithdrawalRefused(pgettext_lazy("payments error", "Enter an amount above zero."), field="amount")
    if client.kyc_state != KycState.APPROVED:
        raise WithdrawalRefused(
            pgettext_lazy("payments error", "Your identity has to be verified before you can withdraw."), check="kyc"
        )
    if payout_held(client):
        raise WithdrawalRefused(
            pgettext_lazy(
                "payments error",
                "Your e-mail address was changed lately. To protect your money, withdrawals open again after some time, "
                "once the new address is confirmed.",
            ),
            check="address",
        )
    if identity_change.held(client):
        raise WithdrawalRefused(
            pgettext_lazy(
                "payments error",
                "Your verified details were changed lately. To protect your money, withdrawals open again once a second "
                "person here has confirmed the change.",
            ),
            check="identity",
        )
    wallet = wallet_of(client.pk, amount.currency)
    if wallet is None or wallet.available < amount:
        raise WithdrawalRefused(
            pgettext_lazy("payments error", "This is more than is available in this wallet."),
            field="amount",
            check="funds",
        )
    kept = funds.kept_back(client.pk, amount.currency)
    if wallet.available - kept < amount or funds.left_its_wallet(client.pk):
        raise WithdrawalRefused(
            pgettext_lazy(
                "payments error",
                "Please show us first where the money you deposited comes from; then you can withdraw all of it.",
            ),
            field="amount",
            check="funds_source",
        )
    if not within_limits(client, amount):
        raise WithdrawalRefused(
            pgettext_lazy("payments error", "This is outside the limits for withdrawals."),
            field="amount",
            check="limits",
        )
    planned = plan(client, amount, destination=destination)
    if planned.eaten_by is not None:
        raise WithdrawalRefused(eaten_words(planned.eaten_by, planned.uncovered), field="amount", check="fee")
    if planned.uncovered:
        raise WithdrawalRefused(
            pgettext_lazy("payments error", "There is no way to send this amount. Please contact support."),
            field="amount",
            check="sources",
        )
    return planned


def _locked(withdrawal_id: UUID, *states: WithdrawalState) -> Withdrawal:
    turn(Withdrawal.objects.values_list("client_id", flat=True).get(pk=withdrawal_id))
    row = Withdrawal.objects.select_for_update(of=("self",)).select_related("client").get(pk=withdrawal_id)
    if row.state not in states:
        raise WrongState
    return row


def _move(row: Withdrawal, to: WithdrawalState) -> None:
    row.state = to
    row.updated_at = clock.now()
    row.save()
    withdrawal_tell(row)


def _note(row: Withdrawal, kind: str, actor: Actor, *, reason: str = "", **data: object) -> None:
    """The audit line and the timeline line of a decision."""
    timeline_add(
        client_id=row.client_id,
        kind=kind,
        actor=actor,
        data={"withdrawal_id": row.pk, "reference": row.reference, "amount": row.amount, **data},
        dedupe_key=":".join(str(part) for part in (kind, row.pk, data.get("step")) if part),
    )
    after = {"amount": str(row.amount)} | ({"likeness": data["likeness"]} if data.get("likeness") else {})
    audit.record(actor=actor, action=kind, obj=row, subject=row.client_id, reason=reason, after=after)


def _passed(row: Withdrawal) -> None:
    """Every check but those that only advise. Raises WithdrawalRefused with the first that fails."""
    failed = [check["code"] for check in row.checks if not check["good"] and check["code"] not in ADVICE]
    if failed:
        raise WithdrawalRefused(check=failed[0])


def withdrawal_shown(row: Withdrawal) -> str:
    """What the next pair of eyes decides on: the request, where its parts go, and who has decided before."""
    return shown(*_shown(row))


def _shown(row: Withdrawal) -> list[Model]:
    return [row, *row.steps.order_by("position"), *row.parts.order_by("pk")]


@contextmanager
def _decided(withdrawal_id: UUID, actor: Actor) -> Iterator[None]:
    """The transaction of one step."""
    owner = Withdrawal.objects.values_list("client_id", flat=True).get(pk=withdrawal_id)
    with refusals.source_asked(owner, actor), transaction.atomic():
        yield


def withdrawal_check(*, actor: Actor, withdrawal_id: UUID, seen: str | None = None) -> Withdrawal:
    """First pair of eyes: run the checks and propose.

    Raises WithdrawalRefused when one fails, SamePerson for who asked for it or whose money it is, WrongState, ShownDiffers.
    """
    with _decided(withdrawal_id, actor):
        row = _locked(withdrawal_id, WithdrawalState.REQUESTED)
        as_shown(seen, *_shown(row))
        signs = step_take(actor, row, check=True)
        row.checks = withdrawal_checks(row)
        _passed(row)
        row.proposer_id, row.proposer_label = actor.id, actor.label[:160]
        row.checked_at = clock.now()
        _move(row, WithdrawalState.CHECKED)
        _note(row, "payments.withdrawal_checked", actor, likeness=sorted(signs))
        waiting.withdrawal_waits(row, besides=(actor.id, row.requested_by))
    return row


def withdrawal_approve(*, actor: Actor, withdrawal_id: UUID, seen: str | None = None) -> Withdrawal:
    """The next pair of eyes; the last one of the chain releases the money.

    Raises SamePerson, NotYourTurn, WrongState, WithdrawalRefused; ShownDiffers where `seen` is not how it stands now.
    """
    with _decided(withdrawal_id, actor):
        row = _locked(withdrawal_id, WithdrawalState.CHECKED)
        as_shown(seen, *_shown(row))
        signs = step_take(actor, row, check=False)
        row.checks = [*withdrawal_checks(row), {"code": "two_people", "good": not signs}]
        _passed(row)
        if next_step(row) is not None:
            _move(row, WithdrawalState.CHECKED)
            _note(row, "payments.withdrawal_agreed", actor, step=row.steps.exclude(decided_at=None).count(),
                  likeness=sorted(signs))  # fmt: skip
            decided = row.steps.exclude(decided_by_id="").values_list("decided_by_id", flat=True)
            waiting.withdrawal_waits(row, besides=(*decided, row.requested_by))
            return row
        row.approver_id, row.approver_label = actor.id, actor.label[:160]
        row.approved_at = clock.now()
        _send(row, actor, signs)
    return row


def _send(row: Withdrawal, actor: Actor, signs: frozenset[str]) -> None:
    """Everybody has agreed: the parts go out as commands, in the transaction of the last decision."""
    _note(row, "payments.withdrawal_approved", actor, likeness=sorted(signs))
    publish(
        events.WithdrawalApproved(withdrawal_id=row.pk, client_id=row.client_id, amount=row.amount),
        aggregate=f"withdrawal:{row.pk}",
        actor=actor,
    )
    parts_send(row, actor=actor)
    _move(row, WithdrawalState.SENDING)


def withdrawal_reject(*, actor: Actor, withdrawal_id: UUID, reason: str, text: str = "") -> Withdrawal:
    """Refuse with a reason the client reads; the money is available again. Either pair of eyes may."""
    if reason not in RejectReason.values:
        raise Invalid(pgettext_lazy("payments error", "Choose a reason."), field="reason")
    with transaction.atomic():
        row = _locked(withdrawal_id, WithdrawalState.REQUESTED, WithdrawalState.CHECKED)
        _may_reject(actor, row)
        row.reason, row.reason_text = reason, text[:300]
        _release(row)
        row.closed_at = clock.now()
        _move(row, WithdrawalState.REJECTED)
        _note(row, "payments.withdrawal_rejected", actor, reason=f"{reason}: {text}".strip(": "), why=reason)
        publish(
            events.WithdrawalRejected(
                withdrawal_id=row.pk, client_id=row.client_id, amount=row.amount, reason=reason
            ),
            aggregate=f"withdrawal:{row.pk}",
            actor=actor,
        )  # fmt: skip
    return row


def _may_reject(actor: Actor, row: Withdrawal) -> None:
    """Whoever checks or approves, and the manager whose step it is."""
    step = next_step(row)
    if step is not None and may_take(actor, step, row.client):
        return
    actor.require(PROPOSE if actor.may(PROPOSE, row.client) else APPROVE, row.client)


def withdrawal_cancel(*, actor: Actor, withdrawal_id: UUID) -> Withdrawal:
    """The client changes their mind before the last approval. Raises WrongState once it is being sent."""
    with transaction.atomic():
        row = _locked(withdrawal_id, WithdrawalState.REQUESTED, WithdrawalState.CHECKED)
        actor.require_client(row.client_id)
        _release(row)
        row.closed_at = clock.now()
        _move(row, WithdrawalState.CANCELLED)
        _note(row, "payments.withdrawal_cancelled", actor)
    return row


def _release(row: Withdrawal) -> None:
    for part in row.parts.filter(state=PartState.PLANNED).order_by("id"):
        posting.part_release(part)
        part.state, part.closed_at = PartState.DROPPED, clock.now()
        part.save(update_fields=["state", "closed_at"])
    freezes.freeze_more(row.client_id, row.currency)
