"""Credits and debits of clients' wallets by staff, four eyes on each.

States: proposed → approved | rejected | withdrawn. Nothing moves before the approval, which posts in the same transaction.

Invariants. Who proposed never approves, nor does another account of theirs, nor the client (the database refuses the
same account too). A debit never goes below what is available: the ledger refuses it. Legs: house counter account −amount ·
client's wallet +amount; a reason fixes its counter account and which way it may go.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.events import publish
from kernel.ids import short_id
from kernel.live import publish as live
from kernel.money import Money
from tenant_apps.clients.eyes import others_required
from tenant_apps.clients.models import Client
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post

from .. import events
from ..errors import WrongState
from ..models import Adjustment, AdjustmentReason, Decision
from ..permissions_list import ADJUST_APPROVE, ADJUST_PROPOSE
from . import wallet_ensure
from .waiting import staff_tell

ADJUSTMENT = "wallets.adjustment"
# By reason: the house account on the other side, and whether a credit and a debit make sense.
COUNTERS: dict[str, tuple[str, bool, bool]] = {
    AdjustmentReason.GOODWILL: ("goodwill", True, False),
    AdjustmentReason.CORRECTION: ("corrections", True, True),
    AdjustmentReason.FEE_REFUND: ("fees", True, False),
    AdjustmentReason.FEE: ("fees", False, True),
}


def adjustment_propose(*, actor: Actor, client: Client, amount: Money, reason: str, text: str) -> Adjustment:
    """First pair of eyes. `amount` is positive for a credit. Raises Invalid at a field, Forbidden for others than staff."""
    actor.require(ADJUST_PROPOSE, client)
    if actor.kind != "staff":
        raise Forbidden
    if reason not in COUNTERS:
        raise Invalid(pgettext_lazy("wallets error", "Choose a reason."), field="reason")
    counter, credits, debits = COUNTERS[reason]
    if not amount:
        raise Invalid(pgettext_lazy("wallets error", "Enter an amount above zero."), field="amount")
    if not (credits if amount.minor > 0 else debits):
        raise Invalid(pgettext_lazy("wallets error", "This reason does not go with this direction."), field="reason")
    if not text.strip():
        raise Invalid(pgettext_lazy("wallets error", "Say what happened."), field="text")
    with transaction.atomic():
        row = Adjustment.objects.create(
            client=client, reference=f"A{short_id(8).upper()}", amount_minor=amount.minor, currency=amount.currency,
            reason=reason, counter=counter, text=text.strip()[:300], proposer_id=actor.id,
            proposer_label=actor.label[:160],
        )  # fmt: skip
        _note(row, "wallets.adjustment_proposed", actor, reason=row.text)
        live.publish("money")
        staff_tell(
            right=ADJUST_APPROVE, client=client, kind="wallets.adjustment_waits", amount=amount, reference=row.reference,
            title=lambda: pgettext("notification", "An adjustment of a wallet waits for your approval"),
            link=f"/wallets/adjustments/{row.pk}/", besides=(actor.id,),
        )  # fmt: skip
    return row


def adjustment_approve(*, actor: Actor, adjustment_id: UUID) -> Adjustment:
    """Second pair of eyes: it is posted. Raises SamePerson, WrongState, InsufficientFunds, AccountFrozen."""
    with transaction.atomic():
        row = _proposed(adjustment_id)
        actor.require(ADJUST_APPROVE, row.client)
        signs = others_required(actor, row.proposer_id, client=row.client)
        wallet = wallet_ensure(client_id=row.client_id, currency=row.currency)
        house = account_ensure(owner=HOUSE, kind=row.counter, currency=row.currency)
        row.transfer_id = post(
            kind=ADJUSTMENT, legs=[Leg(house, -row.amount), Leg(wallet, row.amount)],
            key=f"wallets.adjustment:{row.pk}", actor=actor, data=_told(row),
        ).pk  # fmt: skip
        _decide(row, actor, Decision.APPROVED)
        _note(row, "wallets.adjusted", actor, likeness=sorted(signs))
        publish(
            events.Adjusted(adjustment_id=row.pk, client_id=row.client_id, amount=row.amount, reason=row.reason),
            aggregate=f"client:{row.client_id}", actor=actor,
        )  # fmt: skip
    return row


def adjustment_refuse(*, actor: Actor, adjustment_id: UUID, reason: str = "") -> Adjustment:
    """Who proposed it takes it back; anybody else with a right to it refuses it, and says why."""
    with transaction.atomic():
        row = _proposed(adjustment_id)
        actor.require(ADJUST_PROPOSE if actor.may(ADJUST_PROPOSE, row.client) else ADJUST_APPROVE, row.client)
        own = row.proposer_id == actor.id
        if not own and not reason.strip():
            raise Invalid(pgettext_lazy("wallets error", "Give a reason."), field="reason")
        row.refusal = reason.strip()[:300]
        _decide(row, actor, Decision.WITHDRAWN if own else Decision.REJECTED)
        act = "wallets.adjustment_withdrawn" if own else "wallets.adjustment_rejected"
        _note(row, act, actor, reason=row.refusal)
    return row


def _proposed(adjustment_id: UUID) -> Adjustment:
    rows = Adjustment.objects.select_for_update(of=("self",)).select_related("client")
    row = rows.filter(pk=adjustment_id).first()
    if row is None:
        raise NotFound
    if row.state != Decision.PROPOSED:
        raise WrongState
    return row


def _decide(row: Adjustment, actor: Actor, to: Decision) -> None:
    row.state, row.decider_id, row.decider_label = to, actor.id, actor.label[:160]
    row.decided_at = row.updated_at = clock.now()
    row.save()
    live.publish("money")


def _told(row: Adjustment) -> dict[str, Any]:
    return {"reference": row.reference, "adjustment_id": row.pk, "reason": row.reason}


def _note(row: Adjustment, kind: str, actor: Actor, *, reason: str = "", likeness: list[str] | None = None) -> None:
    timeline_add(
        client_id=row.client_id, kind=kind, actor=actor, data={**_told(row), "amount": row.amount},
        dedupe_key=f"{kind}:{row.pk}",
    )  # fmt: skip
    after = {"amount": str(row.amount), "adjustment_reason": row.reason, "counter": row.counter}
    more = {"likeness": likeness} if likeness else {}
    audit.record(actor=actor, action=kind, obj=row, subject=row.client_id, reason=reason, after={**after, **more})
