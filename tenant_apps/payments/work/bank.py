"""Bank statements that wait for a second person, and their payments that nobody was found for."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from ..models import BankLine, BankStatement, LineState, StatementState
from ..permissions_list import BANK_APPROVE, BANK_IMPORT
from ..services.bank import statement_approve, statement_reject
from ..services.bank_lines import line_approve, line_back


def _statements(actor: Actor) -> QuerySet[BankStatement]:
    rows = BankStatement.objects.select_related("provider_account")
    return rows if actor.may(BANK_IMPORT) else rows.none()


def _waiting(actor: Actor) -> QuerySet[BankStatement]:
    return _statements(actor).filter(state=StatementState.WAITING)


def _to_approve(actor: Actor) -> QuerySet[BankStatement]:
    rows = _waiting(actor).exclude(uploader_id=actor.id)
    return rows if actor.may(BANK_APPROVE) else rows.none()


def _statement_decisions(actor: Actor, row: BankStatement) -> list[Decision]:
    if row.state != StatementState.WAITING:
        return []
    found = []
    if actor.may(BANK_APPROVE) and row.uploader_id != actor.id:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Import"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "What matches a client is credited at once."),
                act=lambda who, what, reason, text: statement_approve(actor=who, statement_id=what.pk),
                done=pgettext_lazy("work decision", "Imported."),
            )
        )  # fmt: skip
    found.append(
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Discard"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, reason, text: statement_reject(actor=who, statement_id=what.pk, reason=text),
            done=pgettext_lazy("work decision", "Discarded; nothing of it is imported."),
        )
    )  # fmt: skip
    return found


register(
    Source(
        kind="statement", label=pgettext_lazy("work", "Bank statements"), icon="landmark", permission=BANK_IMPORT,
        order=35, open=_waiting, mine=_to_approve, every=_statements, client=None,
        page=lambda row: reverse("payments:bank-statement", args=[row.pk]),
        reference="statement_id", currency="currency", states=StatementState,
        provider=lambda account_id: Q(provider_account=account_id), search=("name",),
        facts=lambda row: [
            (pgettext("work fact", "Account"), row.provider_account.name),
            (pgettext("work fact", "File"), row.name),
            (pgettext("work fact", "Opening balance"), row.opening),
            (pgettext("work fact", "Closing balance"), row.closing),
        ],
        steps=lambda row: [
            Step(title=pgettext("work step", "Uploaded"), text=row.imported_by, state="done"),
            Step(title=pgettext("work step", "Approval by another person"), text=row.decided_by,
                 state="current" if row.state == StatementState.WAITING else "done"),
        ],
        decisions=_statement_decisions, decided_by=lambda row: row.decided_by,
    )
)  # fmt: skip


# --- payments on statements that nobody was found for

OPEN_LINES = (LineState.UNMATCHED, LineState.PROPOSED)


def _lines(actor: Actor) -> QuerySet[BankLine]:
    rows = BankLine.objects.select_related("statement__provider_account", "client")
    return rows if actor.may(BANK_IMPORT) else rows.none()


def _open_lines(actor: Actor) -> QuerySet[BankLine]:
    return _lines(actor).filter(state__in=OPEN_LINES)


def _lines_mine(actor: Actor) -> QuerySet[BankLine]:
    """To assign, and proposed by somebody else for who may approve."""
    mine = Q(state=LineState.UNMATCHED)
    if actor.may(BANK_APPROVE):
        mine |= Q(state=LineState.PROPOSED) & ~Q(proposer_id=actor.id)
    return _open_lines(actor).filter(mine)


def _line_decisions(actor: Actor, row: BankLine) -> list[Decision]:
    if row.state != LineState.PROPOSED:
        return []
    found = []
    if actor.may(BANK_APPROVE) and row.proposer_id != actor.id:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "The client is credited at once."),
                act=lambda who, what, reason, text: line_approve(actor=who, line_id=what.pk),
                done=pgettext_lazy("work decision", "The client is credited."),
            )
        )  # fmt: skip
    found.append(
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Not this client"), icon="undo-2", tone="danger",
            hotkey="r", confirm=pgettext_lazy("work decision", "Somebody has to assign it again."),
            act=lambda who, what, reason, text: line_back(actor=who, line_id=what.pk),
            done=pgettext_lazy("work decision", "The proposal is taken back."),
        )
    )  # fmt: skip
    return found


register(
    Source(
        kind="bank_line", label=pgettext_lazy("work", "Bank payments to assign"), icon="link", permission=BANK_IMPORT,
        order=38, open=_open_lines, mine=_lines_mine, every=_lines,
        page=lambda row: reverse("payments:bank-statement", args=[row.statement_id]),
        reference="remittance", minor="amount_minor", currency="currency",
        states=LineState, search=("counterparty", "counterparty_iban", "end_to_end"),
        provider=lambda account_id: Q(statement__provider_account=account_id),
        facts=lambda row: [
            (pgettext("work fact", "From"), row.counterparty),
            (pgettext("work fact", "Account"), row.counterparty_iban),
            (pgettext("work fact", "Purpose"), row.remittance),
            (pgettext("work fact", "Proposal"), row.client.name if row.client else ""),
        ],
        steps=lambda row: [
            Step(title=pgettext("work step", "Proposal"), text=row.proposer_label,
                 state="current" if row.state == LineState.UNMATCHED else "done"),
            Step(title=pgettext("work step", "Approval by another person"), text="",
                 state={LineState.UNMATCHED: "todo", LineState.PROPOSED: "current"}.get(row.state, "done")),
        ],
        decisions=_line_decisions,
    )
)  # fmt: skip
