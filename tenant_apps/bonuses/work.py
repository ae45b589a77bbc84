"""Bonuses that somebody wants to cancel, for the list of all work over money."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from kernel.permissions import scoped
from tenant_apps.wallets.models import Decision as Decided
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from .models import CancelRequest
from .permissions_list import APPROVE, VIEW
from .services.cancelling import cancel_approve, cancel_refuse


def _requests(actor: Actor) -> QuerySet[CancelRequest]:
    rows = CancelRequest.objects.select_related("grant__client")
    return scoped(actor, VIEW, rows, owner="grant__client__owner_id", team="grant__client__team_id")


def _open(actor: Actor) -> QuerySet[CancelRequest]:
    return _requests(actor).filter(state=Decided.PROPOSED)


def _mine(actor: Actor) -> QuerySet[CancelRequest]:
    rows = _open(actor).exclude(proposer_id=actor.id)
    return rows if actor.may(APPROVE) else rows.none()


def _decisions(actor: Actor, row: CancelRequest) -> list[Decision]:
    if row.state != Decided.PROPOSED or row.proposer_id == actor.id or not actor.may(APPROVE):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "It is carried out at once."),
            act=lambda who, what, reason, text: cancel_approve(actor=who, request_id=what.pk),
            done=pgettext_lazy("work decision", "Approved."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Refuse"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, reason, text: cancel_refuse(actor=who, request_id=what.pk, reason=text),
            done=pgettext_lazy("work decision", "Closed; nothing has moved."),
        ),
    ]  # fmt: skip


register(
    Source(
        kind="bonus_cancel", label=pgettext_lazy("work", "Bonuses to cancel"), icon="gift", permission=VIEW, order=42,
        open=_open, mine=_mine, every=_requests, client="grant__client",
        page=lambda row: reverse("bonuses:grant", args=[row.grant_id]),
        reference="grant__reference", minor="grant__amount_minor", currency="grant__currency", states=Decided,
        facts=lambda row: [(pgettext("work fact", "Reason"), row.reason)],
        steps=lambda row: [
            Step(title=pgettext("work step", "Proposed"), text=row.proposer_label, state="done"),
            Step(title=pgettext("work step", "Approval by another person"), text=row.decider_label,
                 state="current" if row.state == Decided.PROPOSED else "done"),
        ],
        decisions=_decisions, decided_by=lambda row: row.decider_label if row.state != Decided.PROPOSED else "",
    )
)  # fmt: skip
