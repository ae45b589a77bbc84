"""The desk's own rows: files read, their lines, what they were matched to. No balance: only the ledger has those.

State machines (every move under the row's lock, in services):

    Report   waiting → done | refused      (refused → waiting: the same file with another layout)
    Line     pending → matched | differs | only_there | fee | settled     (looked at again by every run, until matched)
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from kernel.money import Money
from tenant_apps.payments.models import Deposit, ProviderAccount, WithdrawalPart

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


def line_tone(state: str) -> str:
    """How a line's, a case's or a report's state looks as a badge."""
    return {
        "matched": "success", "fee": "success", "settled": "success", "differs": "danger", "only_there": "warning",
        "pending": "neutral", "done": "success", "refused": "danger", "waiting": "info",
    }.get(str(state), "neutral")  # fmt: skip
