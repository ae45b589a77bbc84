"""What is stuck now, of every app whose money the desk watches. Reads only; a fixed number of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from django.db.models import Exists, OuterRef

from kernel import clock
from kernel.models import Command, CommandState, InboxMessage
from tenant_apps.bonuses.services.waiting_long import earned_before
from tenant_apps.payments.models import (
    BankLine,
    BankStatement,
    BatchState,
    Deposit,
    DepositState,
    LineState,
    PayoutBatch,
    StatementState,
    SuspensePayment,
    SuspenseState,
    Withdrawal,
    WithdrawalPart,
    WithdrawalState,
)
from tenant_apps.payments.services.statement_chain import gaps
from tenant_apps.trading.models import Case as TradingCase
from tenant_apps.trading.models import Direction, TransferState
from tenant_apps.trading.models import Transfer as TradingTransfer
from tenant_apps.wallets.models import ChangeState, ProposedChange
from tenant_apps.wallets.services.changes import where_decided
from tenant_apps.wallets.target_days import days_since

from ..models import (
    Alarm,
    AlarmKind,
    Case,
    CaseState,
    Correction,
    CorrectionState,
    DayClose,
    DeskSettings,
    PreparedClose,
    Report,
    ReportState,
)
from ..standing import owed_before

MOST = 200  # of each kind
UNKNOWN = timedelta(hours=1)
Found = Iterator[Alarm]


@dataclass(frozen=True, slots=True)
class Watch:
    """One kind of thing that may be stuck: `find` gives what is older than an instant, as alarms.

    `age` is how old it may become, and by how much more it must have grown to be told of again; None: once is enough.
    """

    find: Callable[[datetime], Found]
    age: timedelta | None = None
    before: timedelta = timedelta(0)

    def found(self, now: datetime) -> Found:
        return self.find(now - (self.before if self.age is None else self.age))


def watches(chosen: DeskSettings) -> list[Watch]:
    """All that is watched, at the ages that the brokerage has set."""
    set_ages = {
        "deposit_days": _deposits, "withdrawal_days": _sending, "overdue_hours": _overdue, "transfer_hours": _transfers,
        "suspense_days": _suspense, "line_days": _lines, "second_hours": _second, "report_hours": _reports,
        "case_days": _cases, "trading_case_days": _trading_cases, "clearing_days": _clearing, "bonus_days": _bonuses,
    }  # fmt: skip
    of_settings = [Watch(find, chosen.age(name)) for name, find in set_ages.items()]
    return [*of_settings, Watch(_unknown, before=UNKNOWN), Watch(_messages), Watch(_statements)]


def stuck(chosen: DeskSettings) -> dict[str, tuple[Alarm, timedelta | None]]:
    """By key, with the age after which it is told of again."""
    now = clock.now()
    return {alarm.key: (alarm, watch.age) for watch in watches(chosen) for alarm in watch.found(now)}


def _alarm(
    kind: str, row: object, since: datetime, label: str, link: str, minor: int | None = None, currency: str = ""
) -> Alarm:
    """Its key names since when, so that what moved on and got stuck again is told anew."""
    return Alarm(
        kind=kind, key=f"{kind}:{row}:{since:%Y%m%d%H%M%S}", label=label[:160], link=link, amount_minor=minor,
        currency=currency, since=since,
    )  # fmt: skip


def _lasting(kind: str, row: object, since: datetime, label: str, link: str, minor: int, currency: str) -> Alarm:
    """Of what only shows that it is older than an instant: its key knows no time, and `since` is at least so long ago."""
    return Alarm(
        kind=kind, key=f"{kind}:{row}", label=label[:160], link=link, amount_minor=minor, currency=currency, since=since
    )  # fmt: skip


# --- payments


def _deposits(before: datetime) -> Found:
    rows = Deposit.objects.filter(state__in=[DepositState.DELAYED, DepositState.AUTHORISED], pending_at__lte=before)
    for row in rows.order_by("pending_at")[:MOST]:
        yield _alarm(AlarmKind.DEPOSIT, row.pk, row.pending_at or row.created_at, row.reference,
                     f"/payments/deposits/{row.pk}/", row.amount_minor, row.currency)  # fmt: skip


def _sending(before: datetime) -> Found:
    rows = Withdrawal.objects.filter(state=WithdrawalState.SENDING, approved_at__lte=before)
    for row in rows.order_by("approved_at")[:MOST]:
        yield _alarm(AlarmKind.WITHDRAWAL, row.pk, row.approved_at or row.created_at, row.reference,
                     f"/payments/withdrawals/{row.pk}/", row.amount_minor, row.currency)  # fmt: skip


def _overdue(before: datetime) -> Found:
    """Nobody has decided, though the client was promised that it would be on its way by now."""
    rows = Withdrawal.objects.filter(state__in=[WithdrawalState.REQUESTED, WithdrawalState.CHECKED], due_at__lte=before)
    for row in rows.order_by("due_at")[:MOST]:
        yield _alarm(AlarmKind.OVERDUE, row.pk, row.due_at or row.created_at, row.reference,
                     f"/payments/withdrawals/{row.pk}/", row.amount_minor, row.currency)  # fmt: skip


def _unknown(before: datetime) -> Found:
    """Refunds and payouts of which no clear answer came: of the call, or of a refused one that is said to be paid after all,
    for which the one that follows it waits."""
    sent = Command.objects.filter(state=CommandState.UNKNOWN, kind__startswith="payments.", created_at__lte=before)
    commands = {row.pk: row for row in sent.order_by("created_at")[:MOST]}
    for part in WithdrawalPart.objects.filter(pk__in=list(commands)).select_related("withdrawal"):
        yield _alarm(AlarmKind.UNKNOWN, part.pk, commands[part.pk].created_at, part.withdrawal.reference,
                     f"/payments/withdrawals/{part.withdrawal_id}/", part.amount_minor, part.currency)  # fmt: skip
    doubted = WithdrawalPart.objects.filter(doubted_at__lte=before).exclude(pk__in=list(commands))
    for part in doubted.select_related("withdrawal").order_by("doubted_at")[:MOST]:
        yield _alarm(AlarmKind.UNKNOWN, part.pk, part.doubted_at or part.created_at, part.withdrawal.reference,
                     f"/payments/withdrawals/{part.withdrawal_id}/", part.amount_minor, part.currency)  # fmt: skip


def _messages(before: datetime) -> Found:
    rows = InboxMessage.objects.filter(source__startswith="payments.", dead_at__lte=before, processed_at=None)
    for row in rows.order_by("dead_at").defer("body")[:MOST]:
        yield _alarm(AlarmKind.MESSAGE, row.pk, row.dead_at or row.received_at, row.event_key, "")


def _suspense(before: datetime) -> Found:
    """Money that came in another currency and that nobody, or only one person, has decided on."""
    rows = SuspensePayment.objects.filter(
        state__in=[SuspenseState.OPEN, SuspenseState.PROPOSED], created_at__lte=before
    ).select_related("deposit")
    for row in rows.order_by("created_at")[:MOST]:
        yield _alarm(AlarmKind.SUSPENSE, row.pk, row.created_at, row.deposit.reference, "/payments/suspense/",
                     row.left_minor, row.currency)  # fmt: skip


def _lines(before: datetime) -> Found:
    """Bank payments of nobody yet; their age is the bank's: since then a client waits."""
    rows = BankLine.objects.filter(
        state__in=[LineState.UNMATCHED, LineState.PROPOSED], booked_on__lt=before.astimezone(UTC).date()
    )
    for row in rows.order_by("booked_on", "pk")[:MOST]:
        since = datetime.combine(row.booked_on, time(), UTC)
        yield _alarm(AlarmKind.LINE, row.pk, since, row.counterparty or row.remittance or row.line_key,
                     f"/payments/bank/{row.statement_id}/", row.amount_minor, row.currency)  # fmt: skip


def _statements(now: datetime) -> Found:
    """Gaps between bank statements that nobody has filled by the next banking day."""
    open_ones = (gap for gap in gaps(waiting=False) if days_since(_known(gap.statement), now) > 0)
    for gap in islice(open_ones, MOST):
        row = gap.statement
        yield _alarm(AlarmKind.STATEMENT, row.pk, _known(row), f"{row.provider_account.name} · {row.statement_id}",
                     f"/payments/bank/{row.pk}/", gap.missing.minor, gap.missing.currency)  # fmt: skip


def _known(row: BankStatement) -> datetime:
    """Since when it stands: a statement counts from its approval."""
    return row.decided_at or row.created_at


# --- two people


def _second(before: datetime) -> Found:
    """What one person has done and another has to agree to."""
    statements = BankStatement.objects.filter(state=StatementState.WAITING, created_at__lte=before)
    for sheet in statements.order_by("created_at")[:MOST]:
        yield _alarm(AlarmKind.SECOND, sheet.pk, sheet.created_at, sheet.statement_id, f"/payments/bank/{sheet.pk}/")
    for batch in PayoutBatch.objects.filter(state=BatchState.MADE, created_at__lte=before).order_by("created_at")[
        :MOST
    ]:
        yield _alarm(AlarmKind.SECOND, batch.pk, batch.created_at, batch.reference, f"/payments/batches/{batch.pk}/",
                     batch.total_minor, batch.currency)  # fmt: skip
    changes = ProposedChange.objects.filter(state=ChangeState.WAITING, created_at__lte=before)
    for change in changes.order_by("created_at")[:MOST]:
        yield _alarm(AlarmKind.SECOND, change.pk, change.created_at, change.title, where_decided(change))
    corrections = Correction.objects.filter(state=CorrectionState.PROPOSED, created_at__lte=before)
    for entry in corrections.select_related("case").order_by("created_at")[:MOST]:
        yield _alarm(AlarmKind.SECOND, entry.pk, entry.created_at, entry.case.label or entry.case.fact,
                     f"/reconciliation/cases/{entry.case_id}/", entry.amount_minor, entry.currency)  # fmt: skip
    unsigned = PreparedClose.objects.exclude(Exists(DayClose.objects.filter(day=OuterRef("day"))))
    for close in unsigned.filter(updated_at__lte=before).order_by("updated_at")[:MOST]:
        yield _alarm(AlarmKind.SECOND, close.pk, close.updated_at, close.day.isoformat(),
                     f"/reconciliation/close/{close.day.isoformat()}/")  # fmt: skip


# --- the desk


def _reports(before: datetime) -> Found:
    rows = Report.objects.filter(state=ReportState.WAITING, created_at__lte=before)
    for row in rows.order_by("created_at")[:MOST]:
        yield _alarm(AlarmKind.REPORT, row.pk, row.created_at, row.name, f"/reconciliation/reports/{row.pk}/")


def _cases(before: datetime) -> Found:
    rows = Case.objects.filter(state__in=[CaseState.OPEN, CaseState.IN_WORK], happened_at__lte=before)
    for row in rows.order_by("happened_at")[:MOST]:
        yield _alarm(AlarmKind.CASE, row.pk, row.happened_at, row.label or row.fact,
                     f"/reconciliation/cases/{row.pk}/", row.difference.minor, row.currency)  # fmt: skip


def _clearing(before: datetime) -> Found:
    """What providers owed us at an instant and have not settled since. Banks are where money stays."""
    for row in owed_before(before)[:MOST]:
        yield _lasting(AlarmKind.CLEARING, f"{row.account}:{row.owed.currency}", before, row.name,
                       f"/reconciliation/clearing/{row.account}/{row.owed.currency}/", row.owed.minor,
                       row.owed.currency)  # fmt: skip


# --- trading


def _transfers(before: datetime) -> Found:
    """Clients' money between wallet and account: the server is down, or does not say whether it has it."""
    rows = TradingTransfer.objects.filter(state=TransferState.PENDING, created_at__lte=before)
    rows = rows.exclude(direction=Direction.DEMO).select_related("account__account_type")
    for row in rows.order_by("created_at")[:MOST]:
        yield _alarm(AlarmKind.TRANSFER, row.pk, row.created_at, str(row.account),
                     f"/trading/accounts/{row.account_id}/", row.amount_minor, row.currency)  # fmt: skip


def _trading_cases(before: datetime) -> Found:
    rows = TradingCase.objects.filter(resolved_at=None, created_at__lte=before).select_related("account", "server")
    for row in rows.order_by("created_at")[:MOST]:
        label = f"{row.server} {row.account.login}" if row.account else str(row.server)
        yield _alarm(AlarmKind.TRADING_CASE, row.pk, row.created_at, label, f"/trading/cases/{row.pk}/",
                     row.amount_minor, row.currency)  # fmt: skip


def _bonuses(before: datetime) -> Found:
    for row in earned_before(before)[:MOST]:
        yield _lasting(AlarmKind.BONUS, row.pk, before, row.reference, f"/bonuses/grants/{row.pk}/", row.credit_minor,
                       row.currency)  # fmt: skip
