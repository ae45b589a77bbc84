"""Money between wallets and trading accounts of which nobody knows whether the server moved it, cases, and bulk changes that
wait for a second person."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Case as Choice
from django.db.models import CharField, F, QuerySet, Value, When
from django.db.models.functions import Cast, Concat
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from kernel.models import Command, CommandState
from kernel.permissions import scoped
from tenant_apps.clients.eyes import shown
from tenant_apps.wallets.models import ChangeState
from tenant_apps.wallets.services.changes import change_refuse
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from . import bulk_selectors, case_selectors, case_words
from .models import BulkChange, BulkState, Case, CaseState, Transfer, TransferState
from .permissions_list import BULK_APPROVE, BULK_VIEW, CASES_APPROVE, CASES_VIEW, TRANSFER, VIEW
from .services import bulk
from .services.cases import proposal_of, settlement_approve


def _transfers(actor: Actor, code: str = VIEW) -> QuerySet[Transfer]:
    rows = Transfer.objects.select_related("account__server", "client")
    return scoped(actor, code, rows, owner="client__owner_id", team="client__team_id")


def _unknown(actor: Actor, code: str = VIEW) -> QuerySet[Transfer]:
    """From the commands that are still asked about: they are few, and have an index of their own."""
    asked = Command.objects.filter(state=CommandState.UNKNOWN)
    return _transfers(actor, code).filter(state=TransferState.PENDING, command_id__in=asked.values("pk"))


register(
    Source(
        kind="trading_transfer", label=pgettext_lazy("work", "Trading transfers in doubt"), icon="arrow-left-right",
        permission=VIEW, order=65, open=_unknown, mine=lambda actor: _unknown(actor, TRANSFER), every=_transfers,
        page=lambda row: reverse("trading:office-account", args=[row.account_id]),
        reference="account__login", minor="amount_minor", currency="currency", within=timedelta(hours=1),
        states=TransferState,
        facts=lambda row: [
            (pgettext("work fact", "Direction"), row.get_direction_display()),
            (pgettext("work fact", "Server"), row.account.server.name),
            (pgettext("work fact", "Now"), pgettext("work fact", "The server is being asked whether it moved the money.")),
        ],
    )
)  # fmt: skip


# --- where a server and our books told different stories


def _case_facts(row: Case) -> list[tuple[object, object]]:
    proposal = proposal_of(row)
    posted = pgettext("work fact", "Suspense → Adjustments in trading") if row.suspended else ""
    return [
        (pgettext("work fact", "What is wrong"), row.get_kind_display()),
        (pgettext("work fact", "Server"), row.server.name),
        *case_words.facts(row),
        (pgettext("work fact", "Responsible"), row.owner_label),
        (pgettext("work fact", "From where to where"), posted),
        (pgettext("work fact", "Reason"), proposal.values["note"] if proposal else case_words.note_words(row.note)),
        (pgettext("work fact", "Proposed by"), proposal.proposer_label if proposal else ""),
    ]


def _case_seen(row: Case) -> str:
    """An approval is of one proposal: of another one of the same case it is none."""
    return shown(proposal_of(row) or row)


def _case_decisions(actor: Actor, row: Case) -> list[Decision]:
    proposal = proposal_of(row)
    if proposal is None or proposal.proposer_id == actor.id or not actor.may(CASES_APPROVE, proposal.client):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "It is posted at once."),
            act=lambda who, what, said: settlement_approve(actor=who, change_id=proposal.pk, seen=said.seen),
            done=pgettext_lazy("work decision", "Posted."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Not like this"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, said: change_refuse(actor=who, change_id=proposal.pk, reason=said.text),
            done=pgettext_lazy("work decision", "The case is in work again."),
        ),
    ]  # fmt: skip


def _case_steps(row: Case) -> list[Step]:
    if not row.suspended:
        return []
    proposal, done = proposal_of(row), row.resolved_at is not None
    return [
        Step(title=pgettext("work step", "Proposed"), text=proposal.proposer_label if proposal else "",
             state="done" if proposal or done else "current"),
        Step(title=pgettext("work step", "Approval by another person"), text=row.resolved_by,
             state="done" if done else "current" if proposal else "todo"),
    ]  # fmt: skip


register(
    Source(
        kind="trading_case", label=pgettext_lazy("work", "Trading cases"), icon="circle-alert", permission=CASES_VIEW,
        order=72, open=case_selectors.cases_unresolved, mine=case_selectors.cases_mine, every=case_selectors.cases_visible,
        page=lambda row: reverse("trading:office-case", args=[row.pk]),
        reference="account__login", minor="amount_minor", currency="currency", within=timedelta(hours=72),
        client="account__client", state=case_selectors.STANDING, states=CaseState, search=("server__name",),
        facts=_case_facts, seen=_case_seen, steps=_case_steps, decisions=_case_decisions,
        decided_by=lambda row: case_words.author_words(row.resolved_by) if row.resolved_at else "",
    )
)  # fmt: skip


# --- bulk changes of accounts

AIM = Choice(
    When(leverage__isnull=False, then=Concat(Value("1:"), Cast("leverage", CharField()))),
    When(account_type__isnull=False, then=F("account_type__name")),
    default=Value("\u21b6"),
    output_field=CharField(),
)


def _bulk_facts(row: BulkChange) -> list[tuple[object, object]]:
    proposal = bulk_selectors.proposal_of(row.pk)
    return [
        (pgettext("work fact", "What changes"), row.title),
        (pgettext("work fact", "Accounts found"), row.accounts),
        (pgettext("work fact", "Accounts that change"), row.changing),
        (pgettext("work fact", "Reason"), proposal.note if proposal else row.reason),
        (pgettext("work fact", "Proposed by"), row.proposer_label),
    ]


def _bulk_decisions(actor: Actor, row: BulkChange) -> list[Decision]:
    proposal = bulk_selectors.proposal_of(row.pk)
    if proposal is None or proposal.state != ChangeState.WAITING:
        return []
    if proposal.proposer_id == actor.id or not actor.may(BULK_APPROVE):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "It begins at once."),
            act=lambda who, what, said: bulk.approve(actor=who, bulk_id=what.pk, seen=said.seen),
            done=pgettext_lazy("work decision", "Begun."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Not like this"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, said: bulk.refuse(actor=who, bulk_id=what.pk, reason=said.text),
            done=pgettext_lazy("work decision", "Not begun."),
        ),
    ]  # fmt: skip


register(
    Source(
        kind="trading_bulk", label=pgettext_lazy("work", "Bulk changes of trading accounts"), icon="list-checks",
        permission=(BULK_VIEW, BULK_APPROVE), order=74, open=bulk_selectors.bulk_waiting, mine=bulk_selectors.bulk_mine,
        every=bulk_selectors.bulk_visible, page=lambda row: reverse("trading:office-bulk", args=[row.pk]),
        reference=AIM, state=bulk_selectors.STANDING, states=BulkState, client=None, search=("proposer_label",),
        facts=_bulk_facts, seen=lambda row: shown(bulk_selectors.proposal_of(row.pk) or row), decisions=_bulk_decisions,
        decided_by=lambda row: row.approver_label,
    )
)  # fmt: skip
