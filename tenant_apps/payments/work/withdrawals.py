"""Withdrawals to check, approve or reject."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor, shown
from kernel.ui.formatting import money_isolated
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from .. import selectors, words
from ..models import RejectReason, Withdrawal, WithdrawalPart, WithdrawalState
from ..permissions_list import APPROVE, PROPOSE, VIEW
from ..services.chain import may_take, next_step, step_words
from ..services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_reject, withdrawal_shown

DECIDING = (WithdrawalState.REQUESTED, WithdrawalState.CHECKED)


def _open(actor: Actor) -> QuerySet[Withdrawal]:
    return selectors.withdrawals_visible(actor).filter(state__in=DECIDING)


def _through(account_id: UUID) -> Q:
    return Q(Exists(WithdrawalPart.objects.filter(withdrawal=OuterRef("pk"), provider_account=account_id)))


def _by(method: str) -> Q:
    """Those of which a part goes out this way: back by a deposit's method, the rest by the one that was chosen."""
    parts = WithdrawalPart.objects.filter(withdrawal=OuterRef("pk"))
    return Q(Exists(parts.filter(deposit__method=method))) | Q(Exists(parts.filter(deposit=None)), method=method)


def _decisions(actor: Actor, row: Withdrawal) -> list[Decision]:
    if row.state not in DECIDING:
        return []
    step = next_step(row)
    mine = step is not None and may_take(actor, step, row.client)
    had_a_part = row.steps.filter(decided_by_id=actor.id).exists() or row.requested_by == actor.id
    found = []
    if mine and not had_a_part and step is not None and step.is_check:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Check and propose"), icon="clipboard-check",
                hotkey="a", tone="primary",
                act=lambda who, what, said: withdrawal_check(actor=who, withdrawal_id=what.pk, seen=said.seen),
                done=pgettext_lazy("work decision", "Checked and proposed. Someone else approves it."),
            )
        )  # fmt: skip
    elif mine and not had_a_part:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "After the last approval the money leaves at once."),
                act=lambda who, what, said: withdrawal_approve(actor=who, withdrawal_id=what.pk, seen=said.seen),
                done=pgettext_lazy("work decision", "Approved."),
            )
        )  # fmt: skip
    if mine or actor.may(PROPOSE, row.client) or actor.may(APPROVE, row.client):
        found.append(
            Decision(
                key="reject", label=pgettext_lazy("work decision", "Reject"), icon="x", tone="danger", hotkey="r",
                reasons=RejectReason.choices, text_label=pgettext_lazy("work decision", "Message to the client"),
                act=lambda who, what, said: withdrawal_reject(
                    actor=who, withdrawal_id=what.pk, reason=said.reason, text=said.text
                ),
                done=pgettext_lazy("work decision", "Rejected. The money is back in the wallet."),
            )
        )  # fmt: skip
    return found


def _steps(row: Withdrawal) -> list[Step]:
    found, waits = [], row.state in DECIDING
    for one in row.steps.order_by("position"):
        title = pgettext("payments", "Check") if one.is_check else pgettext("payments", "Approval")
        if one.decided_at:
            found.append(Step(title=title, text=shown(one.decided_by_label), state="done"))
            continue
        text = "" if one.is_check else step_words(row, one)
        found.append(Step(title=title, text=text, state="current" if waits else "todo"))
        waits = False
    return found


def _facts(row: Withdrawal) -> list[tuple[Any, Any]]:
    account = row.iban or (row.destination.label if row.destination else "")
    signs = [words.risk_words(code) for code in row.risk_signs]
    return [
        (pgettext("work fact", "To"), account or pgettext("work fact", "Back to where it came from")),
        (pgettext("work fact", "Holder"), row.holder),
        (pgettext("work fact", "Our fee"), money_isolated(row.fee) if row.fee else ""),
        (pgettext("work fact", "Risk"), f"{row.risk} / 100"),
        (pgettext("work fact", "What speaks against it"), " · ".join(signs)),
        (pgettext("work fact", "Stopped"), words.hold_words(row.hold_reason) if row.hold_reason else ""),
    ]


def _decided_by(row: Withdrawal) -> str:
    if row.state in DECIDING:
        return ""
    last = row.steps.exclude(decided_at=None).order_by("-decided_at").first()
    return shown(row.approver_label or (last.decided_by_label if last else ""))


register(
    Source(
        kind="withdrawal", label=pgettext_lazy("work", "Withdrawals"), one=pgettext_lazy("payments", "Withdrawal"),
        icon="arrow-up-right", permission=VIEW, order=10,
        open=_open, mine=selectors.waiting_for, every=selectors.withdrawals_visible,
        page=lambda row: reverse("payments:withdrawal", args=[row.pk]),
        reference="reference", minor="amount_minor", currency="currency", due="due_at",
        states=WithdrawalState, search=("iban",), provider=_through, method=_by,
        facts=_facts, seen=withdrawal_shown, steps=_steps, decisions=_decisions, decided_by=_decided_by,
    )
)  # fmt: skip
