"""Bank statements that wait for a second person, and their payments that nobody was found for."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from kernel.errors import AppError
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from ..models import BankLine, BankStatement, LineState, StatementState
from ..permissions_list import BANK_APPROVE, BANK_IMPORT
from ..services.bank import Told, file_shown, file_told, statement_approve, statement_reject
from ..services.bank_lines import line_approve, line_back, line_ignore
from ..words import match_words
from .wires import by_wire

SHOWN = 20  # payments of a statement beside its decision


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
                act=lambda who, what, said: statement_approve(actor=who, statement_id=what.pk, seen=said.seen),
                done=pgettext_lazy("work decision", "Imported."),
            )
        )  # fmt: skip
    found.append(
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Discard"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, said: statement_reject(actor=who, statement_id=what.pk, reason=said.text),
            done=pgettext_lazy("work decision", "Discarded; nothing of it is imported."),
        )
    )  # fmt: skip
    return found


def _statement_facts(row: BankStatement) -> list[tuple[object, object]]:
    """With what an approval credits and marks at once, payment by payment, as far as a card holds: of the whole file."""
    told = _told(row)
    sure = [match for _, matches in told for match in matches if match.sure and not match.known]
    found: list[tuple[object, object]] = [
        (pgettext("work fact", "Account"), row.provider_account.name),
        (pgettext("work fact", "File"), row.name),
        (pgettext("work fact", "Opening balance"), row.opening),
        (pgettext("work fact", "Closing balance"), row.closing),
        (pgettext("work fact", "Statements decided together"), str(len(told)) if len(told) > 1 else ""),
        (pgettext("work fact", "Carried out at once"), str(len(sure)) if row.state == StatementState.WAITING else ""),
    ]
    found += [
        (match.client.name if match.client else match.line.counterparty, match.line.amount) for match in sure[:SHOWN]
    ]
    if len(sure) > SHOWN:
        found.append(
            (pgettext("work fact", "And more"), pgettext("work fact", "The statement’s own page has them all."))
        )
    return found


def _statement_seen(row: BankStatement) -> str:
    return file_shown(_told(row))


def _told(row: Any) -> Told:
    """As `_read`, once for each row that is drawn: its digest and its facts are of one reading."""
    if not hasattr(row, "told"):
        row.told = _read(row)
    told: Told = row.told
    return told


def _read(row: BankStatement) -> Told:
    """What an approval would do now; nothing where the file cannot be read, which an approval says too."""
    if row.state != StatementState.WAITING:
        return []
    try:
        return file_told(row)
    except AppError:
        return []


register(
    Source(
        kind="statement", label=pgettext_lazy("work", "Bank statements"), icon="landmark", permission=BANK_IMPORT,
        order=35, open=_waiting, mine=_to_approve, every=_statements, client=None,
        page=lambda row: reverse("payments:bank-statement", args=[row.pk]),
        reference="statement_id", currency="currency", states=StatementState,
        provider=lambda account_id: Q(provider_account=account_id), method=by_wire, search=("name",),
        facts=_statement_facts, seen=_statement_seen,
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
    if row.state == LineState.UNMATCHED and row.amount_minor < 0:
        return [_said_what]
    if row.state != LineState.PROPOSED:
        return []
    found = []
    if actor.may(BANK_APPROVE) and row.proposer_id != actor.id:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "The client is credited at once."),
                act=lambda who, what, said: line_approve(actor=who, line_id=what.pk, seen=said.seen),
                done=pgettext_lazy("work decision", "The client is credited."),
            )
        )  # fmt: skip
    found.append(
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Not this client"), icon="undo-2", tone="danger",
            hotkey="r", confirm=pgettext_lazy("work decision", "Somebody has to assign it again."),
            act=lambda who, what, said: line_back(actor=who, line_id=what.pk),
            done=pgettext_lazy("work decision", "The proposal is taken back."),
        )
    )  # fmt: skip
    return found


# Money that left is nobody's deposit: all there is to say of it is what it was.
_said_what = Decision(
    key="ignore", label=pgettext_lazy("work decision", "Say what it is"), icon="check", hotkey="a", wants_text=True,
    text_label=pgettext_lazy("work decision", "Fees, interest, an own transfer …"),
    act=lambda who, what, said: line_ignore(actor=who, line_id=what.pk, note=said.text),
    done=pgettext_lazy("work decision", "Noted: no client’s."),
)  # fmt: skip


def _line_facts(row: BankLine) -> list[tuple[object, object]]:
    left = row.amount_minor < 0
    return [
        (pgettext("work fact", "To") if left else pgettext("work fact", "From"), row.counterparty),
        (pgettext("work fact", "Account"), row.counterparty_iban),
        (pgettext("work fact", "Purpose"), row.remittance),
        (pgettext("work fact", "Why"), " · ".join(match_words(code) for code in row.reasons) if left else ""),
        (pgettext("work fact", "Proposal"), row.client.name if row.client else ""),
        (pgettext("work fact", "Note"), row.note),
    ]


def _line_steps(row: BankLine) -> list[Step]:
    waits = row.state == LineState.UNMATCHED
    if row.amount_minor < 0:
        return [Step(title=pgettext("work step", "What it is"), text=row.note, state="current" if waits else "done")]
    return [
        Step(title=pgettext("work step", "Proposal"), text=row.proposer_label, state="current" if waits else "done"),
        Step(title=pgettext("work step", "Approval by another person"), text="",
             state={LineState.UNMATCHED: "todo", LineState.PROPOSED: "current"}.get(LineState(row.state), "done")),
    ]  # fmt: skip


register(
    Source(
        kind="bank_line", label=pgettext_lazy("work", "Bank payments to assign"), icon="link", permission=BANK_IMPORT,
        order=38, open=_open_lines, mine=_lines_mine, every=_lines,
        page=lambda row: reverse("payments:bank-statement", args=[row.statement_id]),
        reference="remittance", minor="amount_minor", currency="currency",
        states=LineState, search=("counterparty", "counterparty_iban", "end_to_end"),
        provider=lambda account_id: Q(statement__provider_account=account_id), method=by_wire,
        facts=_line_facts, steps=_line_steps, decisions=_line_decisions,
    )
)  # fmt: skip
