"""What of wallets waits for a decision: adjustments and transfers between clients."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor

from . import adjustments, transfers
from .models import Adjustment, ClientTransfer, Decision, TransferState
from .permissions_list import ADJUST_APPROVE, ADJUST_PROPOSE, TRANSFER_APPROVE, VIEW
from .services.adjustments import adjustment_approve, adjustment_refuse
from .services.transfers import client_transfer_approve, client_transfer_reject
from .worklist import registry
from .worklist.registry import Source, Step, register

# --- adjustments


def _adjustments_open(actor: Actor) -> QuerySet[Adjustment]:
    return adjustments.visible(actor).filter(state=Decision.PROPOSED)


def _adjustment_decisions(actor: Actor, row: Adjustment) -> list[registry.Decision]:
    if row.state != Decision.PROPOSED:
        return []
    found = []
    if row.proposer_id != actor.id and actor.may(ADJUST_APPROVE, row.client):
        found.append(
            registry.Decision(
                key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "The wallet is changed at once."),
                act=lambda who, what, said: adjustment_approve(actor=who, adjustment_id=what.pk),
                done=pgettext_lazy("work decision", "Posted."),
            )
        )  # fmt: skip
    if actor.may(ADJUST_PROPOSE, row.client) or actor.may(ADJUST_APPROVE, row.client):
        own = row.proposer_id == actor.id
        found.append(
            registry.Decision(
                key="reject",
                label=pgettext_lazy("work decision", "Take it back") if own else pgettext_lazy("work decision", "Refuse"),
                icon="x", tone="danger", hotkey="r",
                wants_text=not own, text_label=pgettext_lazy("work decision", "Why"),
                confirm=pgettext_lazy("work decision", "Nothing moves then."),
                act=lambda who, what, said: adjustment_refuse(actor=who, adjustment_id=what.pk, reason=said.text),
                done=pgettext_lazy("work decision", "Closed; nothing has moved."),
            )
        )  # fmt: skip
    return found


def _adjustment_steps(row: Adjustment) -> list[Step]:
    waits = row.state == Decision.PROPOSED
    return [
        Step(title=pgettext("work step", "Proposed"), text=row.proposer_label, state="done"),
        Step(title=pgettext("work step", "Approval by another person"), text=row.decider_label,
             state="current" if waits else "done"),
    ]  # fmt: skip


register(
    Source(
        kind="adjustment", label=pgettext_lazy("work", "Adjustments"), one=pgettext_lazy("adjustments", "Adjustment"),
        icon="scale", permission=VIEW, order=40,
        open=_adjustments_open, mine=adjustments.waiting, every=adjustments.visible,
        page=lambda row: reverse("wallets:adjustment", args=[row.pk]),
        reference="reference", minor="amount_minor", currency="currency", states=Decision, search=("text",),
        facts=lambda row: [
            (pgettext("work fact", "Reason"), row.get_reason_display()),
            (pgettext("work fact", "Note"), row.text),
        ],
        steps=_adjustment_steps, decisions=_adjustment_decisions,
        decided_by=lambda row: row.decider_label if row.state != Decision.PROPOSED else "",
    )
)  # fmt: skip


# --- transfers between clients


def _transfers_open(actor: Actor) -> QuerySet[ClientTransfer]:
    return transfers.visible(actor).filter(state=TransferState.WAITING)


def _transfer_decisions(actor: Actor, row: ClientTransfer) -> list[registry.Decision]:
    if row.state != TransferState.WAITING or not actor.may(TRANSFER_APPROVE, row.sender):
        return []
    return [
        registry.Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "The recipient has the money at once."),
            act=lambda who, what, said: client_transfer_approve(actor=who, client_transfer_id=what.pk),
            done=pgettext_lazy("work decision", "The money is with the recipient."),
        ),
        registry.Decision(
            key="reject", label=pgettext_lazy("work decision", "Refuse"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Message to the client"),
            act=lambda who, what, said: client_transfer_reject(
                actor=who, client_transfer_id=what.pk, reason=said.text
            ),
            done=pgettext_lazy("work decision", "Refused. The money is back in the wallet."),
        ),
    ]  # fmt: skip


register(
    Source(
        kind="client_transfer", label=pgettext_lazy("work", "Client transfers"), icon="send", permission=VIEW, order=30,
        open=_transfers_open, mine=transfers.waiting, every=transfers.visible,
        page=lambda row: reverse("wallets:client-transfer", args=[row.pk]),
        reference="reference", minor="amount_minor", currency="currency", client="sender",
        states=TransferState, search=("note", "recipient__last_name"),
        facts=lambda row: [
            (pgettext("work fact", "To"), f"{row.recipient.name} · {row.recipient.number}"),
            (pgettext("work fact", "Note"), row.note),
        ],
        steps=lambda row: [
            Step(title=pgettext("work step", "Requested"), text="", state="done"),
            Step(title=pgettext("work step", "Approval"), text=row.decider_label,
                 state="current" if row.state == TransferState.WAITING else "done"),
        ],
        decisions=_transfer_decisions,
        decided_by=lambda row: row.decider_label,
    )
)  # fmt: skip
