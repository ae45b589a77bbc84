"""The desk's own rows: files read, their lines, what they were matched to. No balance: only the ledger has those.

State machines (every move under the row's lock, in services):

    Report   waiting → done | refused      (refused → waiting: the same file with another layout)
    Case     open → in_work → waiting → solved | written_off     (a refused or reversed correction: back to in_work)
             open | in_work → solved     (explained by a person, or the two sides agree by now)
    Entry    proposed → posted | refused     (a posted one is undone by another one, never changed)
    Line     pending → matched | differs | only_there | fee | settled     (looked at again by every run, until matched)
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.ids import uuid7
from kernel.models import Entity
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import Deposit, ProviderAccount, WithdrawalPart
from tenant_apps.wallets.casework import Note

from .alarm_models import Alarm as Alarm
from .alarm_models import AlarmKind as AlarmKind
from .alarm_models import DeskSettings as DeskSettings
from .kinds import LineKind, LineState


class ReportMapping(Entity):
    """How files of an account are read (reading.layout.Layout), and which bank account its provider pays out to."""

    provider_account = models.OneToOneField(ProviderAccount, on_delete=models.PROTECT, related_name="report_mapping")
    layout = models.JSONField(default=dict)
    header = models.JSONField(default=list)
    bank_account = models.ForeignKey(ProviderAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    saved_by = models.CharField(max_length=160, blank=True)

    class Meta:
        db_table = "reconciliation_mapping"

    def __str__(self) -> str:
        return str(self.provider_account_id)


class ReportState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("report state", "Being read")
    DONE = "done", pgettext_lazy("report state", "Read in")
    REFUSED = "refused", pgettext_lazy("report state", "Refused")


class Report(Entity):
    """A file of a provider, read whole or not at all. The same file of an account is one report."""

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="reports")
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    file_id = models.UUIDField(null=True)
    format = models.CharField(max_length=20, blank=True)  # of reading.formats, empty for a mapping
    layout = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=ReportState.choices, default=ReportState.WAITING)
    lines_total = models.PositiveIntegerField(default=0)
    lines_new = models.PositiveIntegerField(default=0)
    lines_changed = models.PositiveIntegerField(default=0)  # known before, but saying something else
    period_from = models.DateTimeField(null=True)
    period_to = models.DateTimeField(null=True)
    problems = models.JSONField(default=list)  # the first rows that could not be read
    imported_by = models.CharField(max_length=160)
    finished_at = models.DateTimeField(null=True)
    compared_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reconciliation_report"
        constraints = [
            models.UniqueConstraint(fields=["provider_account", "sha256"], name="reconciliation_report_once"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="reconciliation_report_newest"),
            models.Index(
                fields=["created_at"], name="reconciliation_report_todo", condition=models.Q(compared_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReportLine(models.Model):
    """A row of a report: a fact at the provider. `line_key` names it, so that reading it again changes nothing.

    `amount_minor` is positive where our balance at the provider grew, `fee_minor` what the provider kept (in
    `fee_currency`). `deposit` or `part` is what it was matched to, `reasons` why.
    """

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="lines")
    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    line_key = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=LineKind.choices)
    reference = models.CharField(max_length=120, blank=True)
    references = models.JSONField(default=list)
    own = models.CharField(max_length=120, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    fee_minor = models.BigIntegerField(default=0)
    fee_currency = models.CharField(max_length=8)
    at = models.DateTimeField()
    text = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=LineState.choices, default=LineState.PENDING)
    reasons = models.JSONField(default=list)
    ours_minor = models.BigIntegerField(null=True)  # what our books say of the same fact, signed alike
    deposit = models.ForeignKey(Deposit, null=True, on_delete=models.PROTECT, related_name="report_lines")
    part = models.ForeignKey(WithdrawalPart, null=True, on_delete=models.PROTECT, related_name="report_lines")
    booked_at = models.DateTimeField(null=True)  # its fee or payout stands in the ledger

    class Meta:
        db_table = "reconciliation_line"
        constraints = [
            models.UniqueConstraint(fields=["provider_account", "line_key"], name="reconciliation_line_once"),
        ]
        indexes = [
            models.Index(fields=["report", "number"], name="reconciliation_line_report"),
            models.Index(fields=["deposit", "kind"], name="reconciliation_line_deposit"),
            models.Index(fields=["part"], name="reconciliation_line_part"),
            models.Index(
                fields=["provider_account", "id"],
                name="reconciliation_line_open",
                condition=models.Q(state__in=["pending", "differs", "only_there"]),
            ),
            models.Index(
                fields=["provider_account", "id"],
                name="reconciliation_line_unbooked",
                condition=models.Q(booked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference or self.own or self.number}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.fee_currency)

    @property
    def ours(self) -> Money | None:
        return None if self.ours_minor is None else Money(self.ours_minor, self.currency)


class CaseKind(models.TextChoices):
    DIFFERS = "differs", pgettext_lazy("reconciliation case", "The amount differs")
    ONLY_THERE = "only_there", pgettext_lazy("reconciliation case", "Only at the provider")
    ONLY_WITH_US = "only_with_us", pgettext_lazy("reconciliation case", "Only with us")


class CaseState(models.TextChoices):
    OPEN = "open", pgettext_lazy("reconciliation case state", "Open")
    IN_WORK = "in_work", pgettext_lazy("reconciliation case state", "In work")
    WAITING = "waiting", pgettext_lazy("reconciliation case state", "Waiting for approval")
    SOLVED = "solved", pgettext_lazy("reconciliation case state", "Solved")
    WRITTEN_OFF = "written_off", pgettext_lazy("reconciliation case state", "Written off")


UNSOLVED = (CaseState.OPEN, CaseState.IN_WORK, CaseState.WAITING)


class Case(Entity):
    """A mismatch, for a person. One per `fact` (a line, a deposit, a part), however often it is found.

    Amounts are signed as the provider counts: positive where our balance there grew, or should have grown.
    """

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=CaseKind.choices)
    fact = models.CharField(max_length=60)
    label = models.CharField(max_length=120, blank=True)
    line = models.ForeignKey(ReportLine, null=True, on_delete=models.PROTECT, related_name="cases")
    deposit = models.ForeignKey(Deposit, null=True, on_delete=models.PROTECT, related_name="+")
    part = models.ForeignKey(WithdrawalPart, null=True, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=8)
    theirs_minor = models.BigIntegerField(null=True)
    ours_minor = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12, choices=CaseState.choices, default=CaseState.OPEN)
    owner_id = models.CharField(max_length=40, blank=True)
    owner_label = models.CharField(max_length=160, blank=True)
    happened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=160, blank=True)

    class Meta:
        db_table = "reconciliation_case"
        constraints = [models.UniqueConstraint(fields=["fact"], name="reconciliation_case_once")]
        indexes = [
            models.Index(fields=["state", "happened_at"], name="reconciliation_case_state"),
            models.Index(fields=["provider_account", "state"], name="reconciliation_case_account"),
        ]

    def __str__(self) -> str:
        return self.label or self.fact

    @property
    def theirs(self) -> Money | None:
        return None if self.theirs_minor is None else Money(self.theirs_minor, self.currency)

    @property
    def ours(self) -> Money | None:
        return None if self.ours_minor is None else Money(self.ours_minor, self.currency)

    @property
    def difference(self) -> Money:
        """What the provider has more than our books say."""
        return Money((self.theirs_minor or 0) - (self.ours_minor or 0), self.currency)

    @property
    def is_open(self) -> bool:
        return self.state in UNSOLVED


class CaseNote(Note):
    """The desk's own ones have no author."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")

    class Meta:
        db_table = "reconciliation_note"
        indexes = [models.Index(fields=["case", "id"], name="reconciliation_note_case")]


class Place(models.TextChoices):
    """Where a correcting entry takes money from or puts it."""

    CLEARING = "clearing", pgettext_lazy("correction place", "At the provider")
    SUSPENSE = "suspense", pgettext_lazy("correction place", "Suspense")
    WRITE_OFF = "write_off", pgettext_lazy("correction place", "Written off")
    WALLET = "wallet", pgettext_lazy("correction place", "The client's wallet")


class CorrectionState(models.TextChoices):
    PROPOSED = "proposed", pgettext_lazy("correction state", "Proposed")
    POSTED = "posted", pgettext_lazy("correction state", "Posted")
    REFUSED = "refused", pgettext_lazy("correction state", "Refused")


class Correction(Entity):
    """A correcting entry: proposed by one person, posted when another approves. Undone by another one (`reverses`)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="corrections")
    source = models.CharField(max_length=10, choices=Place.choices)
    target = models.CharField(max_length=10, choices=Place.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    client = models.ForeignKey(Client, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=CorrectionState.choices, default=CorrectionState.PROPOSED)
    proposer_id = models.CharField(max_length=40)
    proposer_label = models.CharField(max_length=160)
    approver_id = models.CharField(max_length=40, blank=True)
    approver_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)
    transfer_id = models.BigIntegerField(null=True)
    reverses = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reversals")

    class Meta:
        db_table = "reconciliation_correction"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="reconciliation_correction_amount"),
            models.CheckConstraint(
                condition=models.Q(approver_id="") | ~models.Q(approver_id=models.F("proposer_id")),
                name="reconciliation_correction_four_eyes",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="posted") | ~models.Q(approver_id=""),
                name="reconciliation_correction_approved",
            ),
            models.CheckConstraint(
                condition=~models.Q(source="wallet") & ~models.Q(target="wallet")
                | models.Q(client__isnull=False) & ~models.Q(reason=""),
                name="reconciliation_correction_wallet_reason",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state="proposed"), name="reconciliation_correction_one_proposal"
            ),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=models.Q(reverses__isnull=False, state="posted"),
                name="reconciliation_correction_undone_once",
            ),
        ]
        indexes = [
            models.Index(fields=["case", "created_at"], name="reconciliation_correction_case"),
            models.Index(fields=["client"], name="reconciliation_correction_who"),
            models.Index(fields=["reverses"], name="reconciliation_correction_undo"),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def ledger_key(self) -> str:
        return f"reconciliation.correction:{self.pk}"


class PreparedClose(Entity):
    """A day's figures as one person prepared them; prepared again until somebody else signs."""

    day = models.DateField()
    figures = models.JSONField(default=list)
    note = models.CharField(max_length=500, blank=True)
    preparer_id = models.CharField(max_length=40)
    preparer_label = models.CharField(max_length=160)

    class Meta:
        db_table = "reconciliation_prepared"
        constraints = [models.UniqueConstraint(fields=["day"], name="reconciliation_prepared_day")]

    def __str__(self) -> str:
        return str(self.day)


class DayClose(models.Model):
    """A day's figures, signed by a second person. The database refuses to change or delete it.

    `sha256` covers the figures and the hash of the close signed before: one changed or missing is noticed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    day = models.DateField()
    figures = models.JSONField()
    note = models.CharField(max_length=500, blank=True)
    preparer_id = models.CharField(max_length=40)
    preparer_label = models.CharField(max_length=160)
    signer_id = models.CharField(max_length=40)
    signer_label = models.CharField(max_length=160)
    signed_at = models.DateTimeField()
    sha256 = models.CharField(max_length=64)
    previous_sha256 = models.CharField(max_length=64, blank=True)
    db_rights = "append"

    class Meta:
        db_table = "reconciliation_close"
        constraints = [
            models.UniqueConstraint(fields=["day"], name="reconciliation_close_day"),
            models.UniqueConstraint(fields=["previous_sha256"], name="reconciliation_close_chain"),
            models.CheckConstraint(
                condition=~models.Q(signer_id=models.F("preparer_id")), name="reconciliation_close_four_eyes"
            ),
        ]

    def __str__(self) -> str:
        return str(self.day)


def line_tone(state: str) -> str:
    """How a line's, a case's or a report's state looks as a badge."""
    return {
        "matched": "success", "fee": "success", "settled": "success", "differs": "danger", "only_there": "warning",
        "pending": "neutral", "done": "success", "refused": "danger", "waiting": "info",
        "open": "warning", "in_work": "info", "solved": "success", "written_off": "neutral", "proposed": "info",
        "posted": "success", "only_with_us": "warning",
    }.get(str(state), "neutral")  # fmt: skip
