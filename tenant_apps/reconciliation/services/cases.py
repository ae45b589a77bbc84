"""Cases: one per mismatch, opened and closed by the comparison, worked on by people."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.live import publish as live
from tenant_apps.payments.models import Deposit, ProviderAccount, WithdrawalPart
from tenant_apps.wallets import casework

from ..errors import CaseClosed, ReasonMissing
from ..kinds import LineKind, LineState
from ..models import (
    UNSOLVED,
    Case,
    CaseKind,
    CaseNote,
    CaseState,
    Correction,
    CorrectionState,
    Report,
    ReportLine,
)
from ..permissions_list import WORK
from .reports import TOPIC

AGREES, TWICE = "agrees", "twice"  # the desk's own notes; shown in the reader's language
CHUNK = 1000


def cases_of_lines(account: ProviderAccount) -> int:
    """Open cases for lines that do not match, close those of lines that do by now. Returns how many are new."""
    _follow(account)
    wrong = ReportLine.objects.filter(
        provider_account=account, state__in=[LineState.DIFFERS, LineState.ONLY_THERE]
    ).exclude(Exists(Case.objects.filter(line=OuterRef("pk"))))
    made = 0
    while lines := list(wrong.order_by("pk")[:CHUNK]):
        made += _open(_of_line(line) for line in lines)
    return made


def _of_line(line: ReportLine) -> Case:
    return Case(
        provider_account_id=line.provider_account_id, kind=line.state, fact=f"line:{line.pk}", line=line,
        label=(line.reference or line.own or line.text or line.line_key)[:120], deposit_id=line.deposit_id,
        part_id=line.part_id, currency=line.currency, theirs_minor=line.amount_minor, ours_minor=line.ours_minor,
        happened_at=line.at,
    )  # fmt: skip


def _open(cases: Iterable[Case]) -> int:
    """One per fact: a fact that has a case already keeps it, whatever state that is in."""
    rows = list(cases)
    known = set(Case.objects.filter(fact__in=[row.fact for row in rows]).values_list("fact", flat=True))
    Case.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows) - len(known)


def _follow(account: ProviderAccount) -> None:
    """Cases nobody has decided follow their line: other amounts, another verdict, or solved.

    One that was corrected and now matches all the same is taken up again: the money would be booked twice.
    """
    mine = Case.objects.filter(provider_account=account, line__isnull=False)
    for case in mine.filter(Exists(_standing()), line__state=LineState.MATCHED).exclude(state__in=UNSOLVED):
        Case.objects.filter(pk=case.pk).update(
            state=CaseState.IN_WORK, closed_at=None, closed_by="", updated_at=clock.now()
        )
        CaseNote.objects.create(case=case, at=clock.now(), author="", text=TWICE)
    rows = mine.filter(state__in=[CaseState.OPEN, CaseState.IN_WORK]).exclude(Exists(_standing()))
    for case in rows.select_related("line"):
        line = case.line
        assert line is not None
        if line.state not in (LineState.DIFFERS, LineState.ONLY_THERE):
            _agree(case)
            continue
        said = (line.state, line.ours_minor, line.deposit_id, line.part_id)
        if said != (case.kind, case.ours_minor, case.deposit_id, case.part_id):
            case.kind, case.ours_minor, case.deposit_id, case.part_id = said
            case.save(update_fields=["kind", "ours_minor", "deposit", "part"])


def _standing() -> QuerySet[Correction]:
    """Corrections of a case that are posted and were not undone."""
    undone = Correction.objects.filter(reverses=OuterRef("pk"), state=CorrectionState.POSTED)
    posted = Correction.objects.filter(case=OuterRef("pk"), state=CorrectionState.POSTED, reverses=None)
    return posted.exclude(Exists(undone))


def _agree(case: Case) -> None:
    """Both sides say the same by now. A proposal that waits is a person's to decide."""
    now = clock.now()
    closed = Case.objects.filter(pk=case.pk, state__in=[CaseState.OPEN, CaseState.IN_WORK]).update(
        state=CaseState.SOLVED, closed_at=now, closed_by="", updated_at=now
    )
    if closed:
        CaseNote.objects.create(case=case, at=now, author="", text=AGREES)


def cases_of_report(report: Report, deposits: Iterable[Deposit], parts: Iterable[WithdrawalPart]) -> int:
    """Open cases for what only we know of within the report's period."""
    account_id = report.provider_account_id
    rows = [
        Case(
            provider_account_id=account_id, kind=CaseKind.ONLY_WITH_US, fact=f"deposit:{row.pk}", label=row.reference,
            deposit=row, currency=row.currency, ours_minor=row.received_minor, happened_at=row.credited_at or row.created_at,
        )
        for row in deposits
    ]  # fmt: skip
    rows += [
        Case(
            provider_account_id=account_id, kind=CaseKind.ONLY_WITH_US, fact=f"part:{row.pk}",
            label=row.withdrawal.reference, part=row, currency=row.currency, ours_minor=-row.amount_minor,
            happened_at=row.closed_at or row.created_at,
        )
        for row in parts
    ]  # fmt: skip
    return _open(rows)


def cases_told_by_now(account: ProviderAccount) -> None:
    """Close cases of what only we knew of, when a line tells of it at last."""
    rows = Case.objects.filter(
        provider_account=account, kind=CaseKind.ONLY_WITH_US, state__in=[CaseState.OPEN, CaseState.IN_WORK]
    )
    deposits = reduce(or_, map(Exists, charges_of("deposit")))
    parts = ReportLine.objects.filter(part=OuterRef("part"))
    for case in [*rows.filter(deposits), *rows.filter(deposit=None).filter(Exists(parts))]:
        _agree(case)


def charges_of(deposit: str) -> list[QuerySet[ReportLine]]:
    """The lines that tell of a row's deposit: itself, or the one in another currency that it was credited out of.

    Each for a subquery of its own: in one, joined by "or", none could be looked up and every line would be read each time.
    """
    charges = ReportLine.objects.filter(kind=LineKind.CHARGE)
    ways = ("deposit", "deposit__suspended__credited", "deposit__suspended__credited_as")
    return [charges.filter(**{way: OuterRef(deposit)}) for way in ways]


# --- people


def case_locked(case_id: UUID) -> Case:
    """The case under its lock. Raises NotFound."""
    found = Case.objects.select_for_update(of=("self",)).select_related("provider_account").filter(pk=case_id).first()
    if found is None:
        raise NotFound
    return found


def case_save(
    case: Case, action: str, actor: Actor, *, reason: str = "", after: dict[str, object] | None = None
) -> None:
    """Write a case that has moved, and the line of the trail."""
    case.updated_at = clock.now()
    case.save()
    audit.record(actor=actor, action=action, obj=case, reason=reason, after=after)
    live.publish(TOPIC, {"case": str(case.pk), "state": case.state})


def note(case: Case, actor: Actor, text: str) -> None:
    casework.note_add(case.notes, author=actor.label, text=text)


def case_take(*, actor: Actor, case_id: UUID) -> Case:
    """Make a case one's own. Raises CaseClosed."""
    actor.require(WORK)
    with transaction.atomic():
        case = case_locked(case_id)
        if not case.is_open:
            raise CaseClosed
        casework.take(case, actor)
        if case.state == CaseState.OPEN:
            case.state = CaseState.IN_WORK
        case_save(case, "reconciliation.case_taken", actor)
    return case


def case_hand_over(*, actor: Actor, case_id: UUID, to: str) -> Case:
    """Give a case to a colleague who may work on cases. Raises CaseClosed, NoColleague."""
    actor.require(WORK)
    with transaction.atomic():
        case = case_locked(case_id)
        if not case.is_open:
            raise CaseClosed
        label, link = case.label or case.fact, f"/reconciliation/cases/{case.pk}/"
        casework.hand_over(case, actor, to=to, right=WORK, label=label, link=link)
        if case.state == CaseState.OPEN:
            case.state = CaseState.IN_WORK
        case_save(case, "reconciliation.case_handed_over", actor, after={"owner": case.owner_label})
    return case


def case_note(*, actor: Actor, case_id: UUID, text: str) -> Case:
    """Raises ReasonMissing for an empty note."""
    actor.require(WORK)
    with transaction.atomic():
        case = case_locked(case_id)
        if not text.strip():
            raise ReasonMissing(field="text")
        note(case, actor, text)
        case_save(case, "reconciliation.case_noted", actor)
    return case


def case_solve(*, actor: Actor, case_id: UUID, reason: str) -> Case:
    """Close a case that needs no posting; the reason says what it was. Raises CaseClosed, ReasonMissing."""
    actor.require(WORK)
    with transaction.atomic():
        case = case_locked(case_id)
        if case.state not in (CaseState.OPEN, CaseState.IN_WORK):
            raise CaseClosed
        if not reason.strip():
            raise ReasonMissing(field="reason")
        close(case, CaseState.SOLVED, actor)
        note(case, actor, reason)
        case_save(case, "reconciliation.case_solved", actor, reason=reason[:500])
    return case


def close(case: Case, state: str, actor: Actor) -> None:
    case.state, case.closed_at, case.closed_by = state, clock.now(), actor.label[:160]


def case_reopen(*, actor: Actor, case_id: UUID, reason: str) -> Case:
    """Take a closed case up again. Raises CaseClosed for one that is open, ReasonMissing."""
    actor.require(WORK)
    with transaction.atomic():
        case = case_locked(case_id)
        if case.state in UNSOLVED:
            raise CaseClosed
        if not reason.strip():
            raise ReasonMissing(field="reason")
        case.state, case.closed_at, case.closed_by = CaseState.IN_WORK, None, ""
        note(case, actor, reason)
        case_save(case, "reconciliation.case_reopened", actor, reason=reason[:500])
    return case
