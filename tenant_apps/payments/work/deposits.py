"""Deposits somebody should look at, payments in another currency, what chargebacks stopped, proofs of the source of funds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from kernel.permissions import scoped
from tenant_apps.kyc.permissions_list import DECIDE
from tenant_apps.kyc.permissions_list import VIEW as KYC_VIEW
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from .. import selectors, words
from ..models import Deposit, DepositState, Freeze, FundsRequest, FundsState, SuspensePayment, SuspenseState
from ..permissions_list import APPROVE, DEPOSIT_MANAGE, PROPOSE, VIEW
from ..services import funds
from ..services.deposits import deposit_looked_at
from ..services.suspense import WAITING, suspense_approve, suspense_withdraw

OWNER = {"owner": "client__owner_id", "team": "client__team_id"}


# --- deposits that stand out


def _striking(actor: Actor) -> QuerySet[Deposit]:
    return selectors.deposits_visible(actor).exclude(attention="")


def _looked_at(actor: Actor, row: Deposit) -> list[Decision]:
    if not row.attention or not actor.may(DEPOSIT_MANAGE, row.client):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Looked at"), icon="check", hotkey="a", tone="primary",
            act=lambda who, what, said: deposit_looked_at(actor=who, deposit_id=what.pk),
            done=pgettext_lazy("work decision", "Noted. It no longer waits."),
        )
    ]  # fmt: skip


register(
    Source(
        kind="deposit", label=pgettext_lazy("work", "Deposits to look at"), icon="arrow-down-left", permission=VIEW,
        order=50, open=_striking, every=selectors.deposits_visible,
        mine=lambda actor: selectors.deposits_visible(actor, DEPOSIT_MANAGE).exclude(attention=""),
        page=lambda row: reverse("payments:deposit", args=[row.pk]),
        reference="reference", minor="amount_minor", currency="currency",
        states=DepositState, search=("provider_reference", "payment_reference"),
        provider=lambda account_id: Q(provider_account=account_id), method=lambda code: Q(method=code),
        facts=lambda row: [
            (pgettext("work fact", "Why"), words.attention_words(row.attention) if row.attention else ""),
            (pgettext("work fact", "Method"), words.method_name(row.method)),
            (pgettext("work fact", "Through"), row.provider_account.name),
            (pgettext("work fact", "From"), row.source),
        ],
        decisions=_looked_at,
    )
)  # fmt: skip


# --- payments in another currency


def _suspended(actor: Actor) -> QuerySet[SuspensePayment]:
    return selectors.suspense_visible(actor).filter(state__in=WAITING)


def _suspended_mine(actor: Actor) -> QuerySet[SuspensePayment]:
    propose = selectors.suspense_visible(actor, PROPOSE).filter(state=SuspenseState.OPEN).values("pk")
    approve = selectors.suspense_visible(actor, APPROVE).filter(state=SuspenseState.PROPOSED)
    approve = approve.exclude(proposer_id=actor.id)
    mine = Q(pk__in=[])
    if actor.may(PROPOSE):
        mine |= Q(pk__in=propose)
    if actor.may(APPROVE):
        mine |= Q(pk__in=approve.values("pk"))
    return SuspensePayment.objects.filter(mine)


def _suspense_decisions(actor: Actor, row: SuspensePayment) -> list[Decision]:
    if row.state != SuspenseState.PROPOSED:
        return []
    client, found = row.deposit.client, []
    if row.proposer_id != actor.id and actor.may(APPROVE, client):
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "It is carried out at once."),
                act=lambda who, what, said: suspense_approve(actor=who, row_id=what.pk, seen=said.seen),
                done=pgettext_lazy("work decision", "Approved."),
            )
        )  # fmt: skip
    if actor.may(PROPOSE, client) or actor.may(APPROVE, client):
        found.append(
            Decision(
                key="reject", label=pgettext_lazy("work decision", "Not like this"), icon="undo-2", tone="danger",
                hotkey="r", confirm=pgettext_lazy("work decision", "Somebody has to propose what to do with it again."),
                act=lambda who, what, said: suspense_withdraw(actor=who, row_id=what.pk),
                done=pgettext_lazy("work decision", "The proposal is taken back."),
            )
        )  # fmt: skip
    return found


register(
    Source(
        kind="suspense", label=pgettext_lazy("work", "Payments in another currency"), icon="coins", permission=VIEW,
        order=45, open=_suspended, mine=_suspended_mine, every=selectors.suspense_visible,
        page=lambda row: reverse("payments:suspense"),
        reference="deposit__reference", minor="left_minor", currency="currency", client="deposit__client",
        states=SuspenseState,
        provider=lambda account_id: Q(deposit__provider_account=account_id), method=lambda code: Q(deposit__method=code),
        facts=lambda row: [
            (pgettext("work fact", "Proposal"), row.get_decision_display()),
            (pgettext("work fact", "Note"), row.note),
            (pgettext("work fact", "Through"), row.deposit.provider_account.name),
        ],
        steps=lambda row: [
            Step(title=pgettext("work step", "Proposal"), text=row.proposer_label,
                 state="current" if row.state == SuspenseState.OPEN else "done"),
            Step(title=pgettext("work step", "Approval by another person"), text=row.approver_label,
                 state={SuspenseState.OPEN: "todo", SuspenseState.PROPOSED: "current"}.get(row.state, "done")),
        ],
        decisions=_suspense_decisions, decided_by=lambda row: row.approver_label,
    )
)  # fmt: skip


# --- what chargebacks stopped


def _freezes(actor: Actor, code: str = VIEW) -> QuerySet[Freeze]:
    return scoped(actor, code, Freeze.objects.select_related("client", "deposit"), **OWNER)


register(
    Source(
        kind="freeze", label=pgettext_lazy("work", "Chargebacks to settle"), icon="snowflake", permission=VIEW, order=60,
        open=lambda actor: _freezes(actor).filter(active=True),
        mine=lambda actor: _freezes(actor, APPROVE).filter(active=True), every=_freezes,
        page=lambda row: reverse("payments:deposit", args=[row.deposit_id]),
        reference="deposit__reference", state=F("deposit__state"), minor="lost_minor", currency="currency",
        within=timedelta(hours=72), states=DepositState,
        provider=lambda account_id: Q(deposit__provider_account=account_id), method=lambda code: Q(deposit__method=code),
        facts=lambda row: [(pgettext("work fact", "Not covered"), row.uncovered),
                           (pgettext("work fact", "Set aside"), row.held)],
        decided_by=lambda row: row.lifted_by,
    )
)  # fmt: skip


# --- where the money comes from


def _given(actor: Actor) -> QuerySet[FundsRequest]:
    return selectors.funds_visible(actor).filter(state=FundsState.GIVEN)


def _funds_mine(actor: Actor) -> QuerySet[FundsRequest]:
    rows = _given(actor)
    return rows if actor.may(DECIDE) else rows.none()


def _funds_decisions(actor: Actor, row: FundsRequest) -> list[Decision]:
    if row.state != FundsState.GIVEN or not actor.may(DECIDE):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Accept"), icon="check", hotkey="a",
            confirm=pgettext_lazy("work decision", "What the client deposited can be withdrawn then."),
            act=lambda who, what, said: funds.decide(actor=who, request_id=what.pk, accepted=True),
            done=pgettext_lazy("work decision", "Accepted."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Ask for more"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "What is still needed"),
            act=lambda who, what, said: funds.decide(
                actor=who, request_id=what.pk, accepted=False, reason=said.text
            ),
            done=pgettext_lazy("work decision", "The client is asked for more."),
        ),
    ]  # fmt: skip


def _funds_facts(row: FundsRequest) -> list[tuple[Any, Any]]:
    return [
        (pgettext("work fact", "Origin"), row.get_origin_display()),
        (pgettext("work fact", "In the client’s words"), row.text),
    ]


register(
    Source(
        kind="funds", label=pgettext_lazy("work", "Source of funds"), icon="hand-coins", permission=KYC_VIEW, order=55,
        open=_given, mine=_funds_mine, every=selectors.funds_visible,
        page=lambda row: reverse("payments:funds-request", args=[row.pk]),
        reference="origin", since="given_at", minor="total_minor", currency="currency", within=timedelta(hours=48),
        states=FundsState, facts=_funds_facts, decisions=_funds_decisions,
        decided_by=lambda row: row.decided_by if row.state != FundsState.GIVEN else "",
    )
)  # fmt: skip
