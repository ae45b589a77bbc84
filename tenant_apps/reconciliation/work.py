"""Cases of the reconciliation desk, for the list of all work over money."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from tenant_apps.clients.eyes import shown
from tenant_apps.clients.models import Client
from tenant_apps.wallets.worklist.registry import Decision, Source, register

from . import selectors
from .models import UNSOLVED, Case, CaseState, Correction, CorrectionState
from .permissions_list import APPROVE, VIEW, WORK
from .services.corrections import client_of, correction_approve, correction_refuse


def _cases(actor: Actor) -> QuerySet[Case]:
    rows = selectors.cases()
    return rows if actor.may(VIEW) else rows.none()


def _mine(actor: Actor) -> QuerySet[Case]:
    """Unsolved ones that nobody else has taken, and corrections that somebody else proposed."""
    mine = Q(pk__in=[])
    if actor.may(WORK):
        mine |= Q(state=CaseState.OPEN) | Q(state=CaseState.IN_WORK, owner_id=actor.id)
    if actor.may(APPROVE):
        others = Correction.objects.filter(state=CorrectionState.PROPOSED).exclude(proposer_id=actor.id)
        mine |= Q(state=CaseState.WAITING, pk__in=others.values("case"))
    return _cases(actor).filter(mine)


def _proposed(row: Case) -> Correction | None:
    return row.corrections.select_related("client").filter(state=CorrectionState.PROPOSED).first()


def _whose(row: Case) -> Client | None:
    """Whose wallet the proposal moves; before there is one, whose payment the case is about."""
    proposal = _proposed(row)
    return (proposal.client if proposal else None) or client_of(row)


def _seen(row: Case) -> str:
    """An approval is of one proposal: of another one of the same case it is none."""
    proposal = _proposed(row)
    return shown(proposal) if proposal else shown(row)


def _decisions(actor: Actor, row: Case) -> list[Decision]:
    proposal = _proposed(row) if row.state == CaseState.WAITING else None
    if proposal is None or not actor.may(APPROVE) or proposal.proposer_id == actor.id:
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "The correcting entry is posted at once."),
            act=lambda who, what, said: correction_approve(
                actor=who, correction_id=proposal.pk, seen=said.seen
            ),
            done=pgettext_lazy("work decision", "Posted."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Not like this"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, said: correction_refuse(
                actor=who, correction_id=proposal.pk, reason=said.text
            ),
            done=pgettext_lazy("work decision", "The case is in work again."),
        ),
    ]  # fmt: skip


def _facts(row: Case) -> list[tuple[object, object]]:
    proposal = _proposed(row)
    return [
        *(_entry(proposal) if proposal else ()),
        (pgettext("work fact", "What is wrong"), row.get_kind_display()),
        (pgettext("work fact", "At the provider"), row.theirs if row.theirs is not None else ""),
        (pgettext("work fact", "With us"), row.ours if row.ours is not None else ""),
        (pgettext("work fact", "Responsible"), row.owner_label),
    ]


def _entry(proposal: Correction) -> list[tuple[object, object]]:
    """What an approval posts."""
    accounts = f"{proposal.get_source_display()} → {proposal.get_target_display()}"
    if proposal.reverses_id:
        accounts = f"{pgettext('work fact', 'Undoes an earlier correction')}: {accounts}"
    return [
        (pgettext("work fact", "Correction"), proposal.amount),
        (pgettext("work fact", "From where to where"), accounts),
        (
            pgettext("work fact", "Wallet of"),
            f"{proposal.client.name} · {proposal.client.number}" if proposal.client else "",
        ),
        (pgettext("work fact", "Reason"), proposal.reason),
        (pgettext("work fact", "Proposed by"), proposal.proposer_label),
    ]


# What the list shows: of a case with a proposal what would be posted, else what the provider has.
_posted = Correction.objects.filter(case=OuterRef("pk"), state=CorrectionState.PROPOSED).values("amount_minor")[:1]


register(
    Source(
        kind="case", label=pgettext_lazy("work", "Reconciliation cases"), icon="scale", permission=VIEW, order=70,
        open=lambda actor: _cases(actor).filter(state__in=UNSOLVED), mine=_mine, every=_cases, client=None,
        page=lambda row: reverse("reconciliation:case", args=[row.pk]),
        reference="label", since="happened_at", currency="currency", minor=Coalesce(Subquery(_posted), F("theirs_minor")), within=timedelta(hours=72),
        states=CaseState,
        provider=lambda account_id: Q(provider_account=account_id),
        method=lambda code: Q(deposit__method=code) | Q(part__deposit__method=code),
        facts=_facts, whose=_whose, seen=_seen, decisions=_decisions, decided_by=lambda row: row.closed_by,
    )
)  # fmt: skip
