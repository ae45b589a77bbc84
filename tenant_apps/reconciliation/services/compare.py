"""Comparing lines with the books, and booking what only a report tells: fees, and payouts to our bank.

A run looks at every line that is not matched yet; running it again, in whatever order reports came, changes nothing that
stands. Whatever it books has the line's own key: once, however often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import pgettext_lazy

from kernel import clock, locks
from kernel.actors import named, system
from kernel.live import publish as live
from kernel.money import Money
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.payments.models import Deposit, PartState, ProviderAccount, WithdrawalPart
from tenant_apps.payments.services.provider_fees import deposit_fees_settled, part_fees_settled

from ..kinds import LineKind, LineState
from ..models import Report, ReportLine, ReportMapping, ReportState
from . import books, cases
from .reports import TOPIC

DESK = system(named("reconciliation", pgettext_lazy("system actor", "Reconciliation")))
CHUNK = 500
AT_ONCE = 20_000  # lines in one task; the next one goes on
OPEN = (LineState.PENDING, LineState.DIFFERS, LineState.ONLY_THERE)
FEE, PAYOUT = "reconciliation.fee", "reconciliation.payout"
_PAYMENTS = (LineKind.CHARGE, LineKind.REFUND, LineKind.WITHDRAWAL)  # whose fee the provider may have told before


@dataclass(slots=True)
class Verdict:
    """How a line stands, and why."""

    state: str
    reasons: list[str]
    deposit: Deposit | None = None
    part: WithdrawalPart | None = None
    ours: int | None = None


# --- deciding


def _charge(line: ReportLine, known: books.Books) -> Verdict:
    found = known.deposit_of(line)
    if found is None and (near := known.free_deposit(line)):
        found = near, "amount_time"
    if found is None:
        return Verdict(LineState.ONLY_THERE, ["none"])
    deposit, reason = found
    if known.taken_deposits.get(deposit.pk, line.pk) != line.pk:
        return Verdict(LineState.ONLY_THERE, [reason, "taken"], deposit)
    came = known.came(deposit)
    if came is None:
        return Verdict(LineState.ONLY_THERE, [reason, "not_credited"], deposit)
    verdict = _against(line, came.minor, came.currency, reason)
    verdict.deposit = deposit
    known.taken_deposits[deposit.pk] = line.pk
    return verdict


def _against(line: ReportLine, ours: int, currency: str, *reasons: str) -> Verdict:
    if currency != line.currency:
        return Verdict(LineState.DIFFERS, [*reasons, "currency_differs"])
    same = ours == line.amount_minor
    told = ["amount"] if same and "amount_time" not in reasons else [] if same else ["amount_differs"]
    return Verdict(LineState.MATCHED if same else LineState.DIFFERS, [*reasons, *told], ours=ours)


def _refund(line: ReportLine, known: books.Books) -> Verdict:
    if found := known.part_of(line):
        return _paid(line, known, *found)
    paid = known.deposit_of(line)
    if paid is None:
        return Verdict(LineState.ONLY_THERE, ["none"])
    deposit, reason = paid
    among = [part for one in known.family(deposit) for part in known.parts_by_deposit.get(one.pk, ())]
    part = known.free_part(line, among)
    if part is not None:
        return _paid(line, known, part, "payment")
    if (ours := known.refund_of(deposit, line)) is not None:
        verdict = _against(line, ours, known.currency(deposit), reason)
        verdict.deposit = deposit
        return verdict
    return Verdict(LineState.ONLY_THERE, [reason, "not_refunded"], deposit)


def _paid(line: ReportLine, known: books.Books, part: WithdrawalPart, reason: str) -> Verdict:
    if known.taken_parts.get(part.pk, line.pk) != line.pk:
        return Verdict(LineState.ONLY_THERE, [reason, "taken"], part=part)
    if part.state != PartState.PAID:
        return Verdict(LineState.ONLY_THERE, [reason, "not_paid"], part=part)
    verdict = _against(line, -part.amount_minor, part.currency, reason)
    verdict.part = part
    known.taken_parts[part.pk] = line.pk
    return verdict


def _withdrawal(line: ReportLine, known: books.Books) -> Verdict:
    if found := known.part_of(line):
        return _paid(line, known, *found)
    if near := known.near_part(line):
        return _paid(line, known, near, "amount_time")
    return Verdict(LineState.ONLY_THERE, ["none"])


def _dispute(undone: str) -> Callable[[ReportLine, books.Books], Verdict]:
    def decide(line: ReportLine, known: books.Books) -> Verdict:
        found = known.deposit_of(line)
        if found is None:
            return Verdict(LineState.ONLY_THERE, ["none"])
        deposit, reason = found
        told = known.disputes[deposit.pk, line.kind] - {line.pk}  # each line is of a round of its own, in their order
        ours = known.posted.get(known.reversal_of(deposit, len(told) + 1) + undone)
        if ours is None:
            return Verdict(LineState.ONLY_THERE, [reason, "not_reinstated" if undone else "not_reversed"], deposit)
        verdict = _against(line, ours, known.currency(deposit), reason)
        verdict.deposit = deposit
        known.disputes[deposit.pk, line.kind].add(line.pk)
        return verdict

    return decide


_DECIDE: dict[str, Callable[[ReportLine, books.Books], Verdict]] = {
    LineKind.CHARGE: _charge,
    LineKind.REFUND: _refund,
    LineKind.WITHDRAWAL: _withdrawal,
    LineKind.CHARGEBACK: _dispute(""),
    LineKind.REINSTATED: _dispute(":undone"),
    LineKind.FEE: lambda line, known: Verdict(LineState.FEE, ["fee"]),
    LineKind.PAYOUT: lambda line, known: Verdict(LineState.SETTLED, ["payout"]),
    LineKind.OTHER: lambda line, known: Verdict(LineState.ONLY_THERE, ["other"]),
}


# --- booking


class _Till:
    """The house's accounts of one provider, each asked for once in a run."""

    def __init__(self, account: ProviderAccount) -> None:
        self.account = account
        self.bank_account = (
            ReportMapping.objects.select_related("bank_account").filter(provider_account=account).first()
        )
        self._known: dict[tuple[str, str], Account] = {}

    def get(self, kind: str, currency: str) -> Account:
        if (kind, currency) not in self._known:
            self._known[kind, currency] = account_ensure(owner=HOUSE, kind=kind, currency=currency)
        return self._known[kind, currency]

    def clearing(self, currency: str) -> Account:
        return self.get(f"clearing:{self.account.pk}", currency)

    def bank(self, currency: str) -> Account:
        chosen = self.bank_account.bank_account if self.bank_account else None
        return self.get(f"clearing:{chosen.pk}" if chosen else "bank", currency)


def costs_of(line: ReportLine, told: Money | None) -> list[Money]:
    """What the provider kept by this line, less what was booked when the payment came or was paid out; one amount per
    currency. A line without a fee says nothing of it: many reports have no such column.
    """
    costs: dict[str, int] = {line.fee_currency: line.fee_minor}
    if line.kind == LineKind.FEE:
        costs[line.currency] = costs.get(line.currency, 0) - line.amount_minor
    if told is not None and line.kind in _PAYMENTS and line.fee_minor:
        costs[told.currency] = costs.get(told.currency, 0) - told.minor
    return [Money(minor, currency) for currency, minor in sorted(costs.items()) if minor]


def _told(lines: Iterable[ReportLine]) -> dict[int, Money]:
    """What is booked already, by line, of the fees that these lines book: theirs from now on, whatever is told later."""
    deposits: dict[UUID, ReportLine] = {}
    parts: dict[UUID, ReportLine] = {}
    for line in lines:
        if not line.fee_minor or line.state not in books.MATCHES:
            continue
        if line.kind == LineKind.CHARGE and line.deposit_id:
            deposits[line.deposit_id] = line
        elif line.kind in _PAYMENTS and line.part_id:
            parts[line.part_id] = line
    found = {deposits[pk].pk: fee for pk, fee in deposit_fees_settled(_fees(deposits)).items()}
    return found | {parts[pk].pk: fee for pk, fee in part_fees_settled(_fees(parts)).items()}


def _fees(lines: Mapping[UUID, ReportLine]) -> dict[UUID, Money]:
    return {pk: Money(line.fee_minor, line.fee_currency) for pk, line in lines.items()}


def _book(line: ReportLine, told: Money | None, till: _Till) -> bool:
    """Post what this line brings; False while that has to wait until one knows which payment it was, whose fee may have been
    told before, or may yet be."""
    if line.kind in _PAYMENTS and line.state not in books.MATCHES and (line.kind == LineKind.CHARGE or line.fee_minor):
        return False
    data = {"reference": line.reference or line.own or line.line_key, "line": line.pk, "report": str(line.report_id)}
    if line.deposit_id:
        data["deposit_id"] = str(line.deposit_id)
    legs = []
    for cost in costs_of(line, told):
        legs += [Leg(till.clearing(cost.currency), cost), Leg(till.get("provider_fees", cost.currency), -cost)]
    if legs:
        post(kind=FEE, legs=legs, key=f"reconciliation.line:{line.pk}:fee", actor=DESK, effective_at=line.at, data=data)
    if line.kind == LineKind.PAYOUT and line.amount_minor:
        legs = [Leg(till.clearing(line.currency), -line.amount), Leg(till.bank(line.currency), line.amount)]
        post(kind=PAYOUT, legs=legs, key=f"reconciliation.line:{line.pk}:payout", actor=DESK, effective_at=line.at,
             data=data)  # fmt: skip
    return True


def fee_settle(line: ReportLine) -> None:
    """Book a line's fee although nobody knows the payment: a person has decided about the line. Under its lock."""
    if line.booked_at is not None:
        return
    till = _Till(line.provider_account)
    state, line.state = line.state, LineState.MATCHED
    told = _told([line])
    _book(line, told.get(line.pk), till)
    line.state, line.booked_at = state, clock.now()
    line.save(update_fields=["booked_at"])


# --- the run


@dataclass(slots=True)
class Compared:
    """What a run did. `more`: there are lines left for the next one."""

    looked_at: int = 0
    matched: int = 0
    booked: int = 0
    more: bool = False


def account_compare(*, account_id: UUID, at_once: int = AT_ONCE) -> Compared:
    """Compare an account's open lines and book what they bring, chunk by chunk, each in a transaction of its own."""
    account = ProviderAccount.objects.get(pk=account_id)
    done, after = Compared(), 0
    while done.looked_at < at_once:
        with transaction.atomic():
            locks.hold(f"reconciliation:{account.pk}")
            lines = list(_todo(account, after)[:CHUNK])
            if not lines:
                break
            _chunk(account, lines, done)
        after = lines[-1].pk
    done.more = done.looked_at >= at_once and _todo(account, after).exists()
    if not done.more:
        _finish(account)
    live.publish(TOPIC, {"compared": str(account.pk)})
    return done


def _todo(account: ProviderAccount, after: int) -> QuerySet[ReportLine]:
    rows = ReportLine.objects.filter(Q(state__in=OPEN) | Q(booked_at=None), provider_account=account, pk__gt=after)
    return rows.order_by("pk")


def _chunk(account: ProviderAccount, lines: list[ReportLine], done: Compared) -> None:
    known, till = books.load(account, lines), _Till(account)
    for line in lines:
        if line.state in OPEN:
            _decide(line, known, done)
    unbooked = [line for line in lines if line.booked_at is None]
    told = _told(unbooked)
    for line in unbooked:
        if _book(line, told.get(line.pk), till):
            line.booked_at = clock.now()
            done.booked += 1
    done.looked_at += len(lines)
    ReportLine.objects.bulk_update(
        lines, ["state", "reasons", "ours_minor", "deposit", "part", "booked_at"], batch_size=CHUNK
    )


def _decide(line: ReportLine, known: books.Books, done: Compared) -> None:
    verdict = _DECIDE[line.kind](line, known)
    line.state, line.reasons, line.ours_minor = verdict.state, verdict.reasons, verdict.ours
    line.deposit, line.part = verdict.deposit, verdict.part
    done.matched += verdict.state == LineState.MATCHED


def _finish(account: ProviderAccount) -> None:
    """Cases follow, and reports whose lines were all looked at say what only we know of."""
    with transaction.atomic():
        locks.hold(f"reconciliation:{account.pk}")
        cases.cases_of_lines(account)
        for report in Report.objects.filter(provider_account=account, state=ReportState.DONE, compared_at=None):
            cases.cases_of_report(report, deposits_only_with_us(report), parts_only_with_us(report))
            report.compared_at = report.updated_at = clock.now()
            report.save(update_fields=["compared_at", "updated_at"])
        cases.cases_told_by_now(account)


def accounts_waiting() -> list[UUID]:
    """Accounts with a report that was read and not compared to its end."""
    rows = Report.objects.filter(state=ReportState.DONE, compared_at=None).order_by("provider_account_id")
    return list(rows.values_list("provider_account_id", flat=True).distinct())


# --- what only we know of


def deposits_only_with_us(report: Report) -> QuerySet[Deposit]:
    """Deposits credited within the report's period that no line of any report tells. None for a report without payments."""
    rows = Deposit.objects.filter(provider_account=report.provider_account, state__in=books.CREDITED)
    if report.period_from is None or not _tells_payments(report):
        return rows.none()
    rows = rows.filter(credited_at__range=(report.period_from, report.period_to))
    for lines in cases.charges_of("pk"):
        rows = rows.exclude(Exists(lines))
    return rows


def parts_only_with_us(report: Report) -> QuerySet[WithdrawalPart]:
    """Money we say was paid out through the provider within the period, of which no line tells."""
    lines = ReportLine.objects.filter(part=OuterRef("pk"))
    rows = WithdrawalPart.objects.filter(provider_account=report.provider_account, state=PartState.PAID)
    if report.period_from is None or not _tells_payments(report):
        return rows.none()
    rows = rows.filter(closed_at__range=(report.period_from, report.period_to)).exclude(Exists(lines))
    return rows.select_related("withdrawal")


def _tells_payments(report: Report) -> bool:
    return ReportLine.objects.filter(report=report, kind=LineKind.CHARGE).exists()
