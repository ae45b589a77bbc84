"""Reads of the desk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.money import Money
from tenant_apps.ledger.models import Account, Entry
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.wallets.words import account_names, account_words

from .kinds import LineState
from .models import (
    UNSOLVED,
    Alarm,
    AlarmKind,
    Case,
    CaseKind,
    CaseState,
    Correction,
    CorrectionState,
    Report,
    ReportLine,
)

OPEN_LINES = (LineState.PENDING, LineState.DIFFERS, LineState.ONLY_THERE)


def accounts() -> list[ProviderAccount]:
    """Accounts that report to us; bank accounts have statements of their own."""
    return list(ProviderAccount.objects.exclude(kind="bank_wire").order_by("position", "created_at"))


def bank_accounts() -> list[ProviderAccount]:
    return list(ProviderAccount.objects.filter(kind="bank_wire").order_by("position", "created_at"))


def account_get(account_id: UUID | str) -> ProviderAccount:
    """Raises NotFound, also for what is no id."""
    try:
        wanted = UUID(str(account_id))
    except ValueError:
        raise NotFound from None
    found = ProviderAccount.objects.filter(pk=wanted).first()
    if found is None:
        raise NotFound
    return found


def reports() -> QuerySet[Report]:
    """Newest first, with `open_lines`."""
    rows = Report.objects.select_related("provider_account")
    return rows.annotate(open_lines=Count("lines", filter=Q(lines__state__in=OPEN_LINES))).order_by(
        "-created_at", "-id"
    )


def report_get(report_id: UUID) -> Report:
    found = Report.objects.select_related("provider_account").filter(pk=report_id).first()
    if found is None:
        raise NotFound
    return found


def lines_of(report: Report, *, state: str = "", kind: str = "", text: str = "") -> QuerySet[ReportLine]:
    rows = ReportLine.objects.filter(report=report).select_related("deposit", "part__withdrawal")
    if state in LineState.values:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if text:
        rows = rows.filter(Q(reference__icontains=text) | Q(own__icontains=text))
    return rows


def states_of(report: Report) -> dict[str, int]:
    """How many lines stand how."""
    rows = ReportLine.objects.filter(report=report).values_list("state").annotate(n=Count("pk")).order_by()
    return dict(rows)


# --- cases


def cases() -> QuerySet[Case]:
    return Case.objects.select_related("provider_account", "deposit", "part__withdrawal")


def case_get(case_id: UUID) -> Case:
    found = cases().select_related("line__report").filter(pk=case_id).first()
    if found is None:
        raise NotFound
    return found


CASE_VIEWS: dict[str, Q] = {
    "open": Q(state__in=UNSOLVED),
    "waiting": Q(state=CaseState.WAITING),
    "closed": ~Q(state__in=UNSOLVED),
    "all": Q(),
}


def cases_filtered(actor: Actor, *, view: str, kind: str, account: str, text: str) -> QuerySet[Case]:
    rows = cases().filter(
        Q(owner_id=actor.id, state__in=UNSOLVED) if view == "mine" else CASE_VIEWS.get(view, CASE_VIEWS["open"])
    )
    if kind in CaseKind.values:
        rows = rows.filter(kind=kind)
    if account:
        rows = rows.filter(provider_account_id=account_get(account).pk)
    return rows.filter(label__icontains=text) if text else rows


@dataclass(frozen=True, slots=True)
class CaseCounts:
    open: int
    mine: int
    waiting: int
    new: int


def case_counts(actor: Actor) -> CaseCounts:
    """One query. `waiting` leaves out what the actor proposed: somebody else has to approve."""
    own = Correction.objects.filter(case=OuterRef("pk"), state=CorrectionState.PROPOSED, proposer_id=actor.id)
    told = Case.objects.filter(state__in=UNSOLVED).aggregate(
        open=Count("pk"), mine=Count("pk", filter=Q(owner_id=actor.id)),
        waiting=Count("pk", filter=Q(~Exists(own), state=CaseState.WAITING)),
        new=Count("pk", filter=Q(state=CaseState.OPEN)),
    )  # fmt: skip
    return CaseCounts(**told)


def next_case(after: Case) -> Case | None:
    """The oldest open case but this one; those nobody has taken first."""
    rows = Case.objects.filter(state__in=[CaseState.OPEN, CaseState.IN_WORK]).exclude(pk=after.pk)
    return rows.order_by("-state", "happened_at", "pk").first()


@dataclass(frozen=True, slots=True)
class PostedLeg:
    """One leg of a posting, for people."""

    account: str
    amount: Money


def legs_of(transfer_ids: Iterable[int]) -> dict[int, list[PostedLeg]]:
    """The legs of postings, by transfer. Three queries, however many."""
    entries = list(Entry.objects.filter(transfer_id__in=list(transfer_ids)).order_by("id"))
    accounts = Account.objects.in_bulk([entry.account_id for entry in entries])
    names = account_names() if entries else {}
    found: dict[int, list[PostedLeg]] = {}
    for entry in entries:
        account = accounts[entry.account_id]
        leg = PostedLeg(account_words(account.kind, names), account.money(entry.amount))
        found.setdefault(entry.transfer_id, []).append(leg)
    return found


def waiting(actor: Actor) -> list[QuerySet[Any]]:
    """What the menu's badge counts: cases, and alarms of something else than a case."""
    return [Case.objects.filter(state__in=UNSOLVED), alarms().exclude(kind=AlarmKind.CASE)]


# --- alarms


def alarms() -> QuerySet[Alarm]:
    """What is stuck now, the longest first."""
    return Alarm.objects.filter(ended_at=None).order_by("since", "pk")
