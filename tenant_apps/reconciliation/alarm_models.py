"""What is stuck, and after how long something counts as stuck."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from kernel.money import Money


class AlarmKind(models.TextChoices):
    DEPOSIT = "deposit", pgettext_lazy("reconciliation alarm", "A deposit is on its way too long")
    WITHDRAWAL = "withdrawal", pgettext_lazy("reconciliation alarm", "A withdrawal is being sent too long")
    UNKNOWN = "unknown", pgettext_lazy("reconciliation alarm", "It is not known whether a refund was made")
    MESSAGE = "message", pgettext_lazy("reconciliation alarm", "A provider's message could not be processed")
    CASE = "case", pgettext_lazy("reconciliation alarm", "A case is open too long")
    TRANSFER = (
        "transfer",
        pgettext_lazy("reconciliation alarm", "Money is on its way to or from a trading account too long"),
    )
    OVERDUE = "overdue", pgettext_lazy("reconciliation alarm", "A withdrawal is past what was promised")
    SUSPENSE = "suspense", pgettext_lazy("reconciliation alarm", "A payment in another currency waits too long")
    LINE = "bank_line", pgettext_lazy("reconciliation alarm", "A bank payment is assigned to nobody")
    SECOND = "second", pgettext_lazy("reconciliation alarm", "A second person is waited for too long")
    REPORT = "report", pgettext_lazy("reconciliation alarm", "A provider's report has not been read")
    TRADING_CASE = "trading_case", pgettext_lazy("reconciliation alarm", "A trading case is open too long")
    CLEARING = "clearing", pgettext_lazy("reconciliation alarm", "A provider owes us money too long")
    STATEMENT = "statement", pgettext_lazy("reconciliation alarm", "A bank statement is missing")
    BONUS = "bonus", pgettext_lazy("reconciliation alarm", "An earned bonus has not been paid out")


class Alarm(Entity):
    """Something that is stuck, told once (`key`) and again whenever it has grown older by its setting (`told_at`)."""

    kind = models.CharField(max_length=12, choices=AlarmKind.choices)
    key = models.CharField(max_length=120)
    label = models.CharField(max_length=160)
    link = models.CharField(max_length=200, blank=True)
    amount_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=8, blank=True)
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True)  # none: when it was made
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reconciliation_alarm"
        constraints = [models.UniqueConstraint(fields=["key"], name="reconciliation_alarm_once")]
        indexes = [
            models.Index(fields=["since"], name="reconciliation_alarm_on", condition=models.Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def amount(self) -> Money | None:
        return Money(self.amount_minor, self.currency) if self.amount_minor is not None and self.currency else None


# What people are asked for each age; those named *_hours are hours, the others days.
AGES = {
    "deposit_days": pgettext_lazy("reconciliation settings", "A deposit may be on its way for days"),
    "withdrawal_days": pgettext_lazy("reconciliation settings", "A withdrawal may be being sent for days"),
    "overdue_hours": pgettext_lazy("reconciliation settings", "A withdrawal may be past its promise for hours"),
    "transfer_hours": pgettext_lazy("reconciliation settings", "A transfer to or from trading may be on its way for hours"),
    "suspense_days": pgettext_lazy("reconciliation settings", "A payment in another currency may wait for days"),
    "line_days": pgettext_lazy("reconciliation settings", "A bank payment may be unassigned for days"),
    "second_hours": pgettext_lazy("reconciliation settings", "A second person may be waited for for hours"),
    "report_hours": pgettext_lazy("reconciliation settings", "A report may be unread for hours"),
    "case_days": pgettext_lazy("reconciliation settings", "A case may be open for days"),
    "trading_case_days": pgettext_lazy("reconciliation settings", "A trading case may be open for days"),
    "clearing_days": pgettext_lazy("reconciliation settings", "A provider may keep our money for days"),
    "bonus_days": pgettext_lazy("reconciliation settings", "An earned bonus may be unpaid for days"),
}  # fmt: skip


def _age(default: int) -> models.PositiveSmallIntegerField[int, int]:
    return models.PositiveSmallIntegerField(default=default, db_default=default)


class DeskSettings(Entity):
    """After how long something counts as stuck. One row."""

    key = models.CharField(max_length=10, default="desk")
    deposit_days = models.PositiveSmallIntegerField(default=7)
    withdrawal_days = models.PositiveSmallIntegerField(default=3)
    case_days = models.PositiveSmallIntegerField(default=3)
    overdue_hours = _age(4)
    transfer_hours = _age(2)
    suspense_days = _age(3)
    line_days = _age(3)
    second_hours = _age(24)
    report_hours = _age(2)
    trading_case_days = _age(3)
    clearing_days = _age(14)
    bonus_days = _age(3)

    class Meta:
        db_table = "reconciliation_settings"
        constraints = [models.UniqueConstraint(fields=["key"], name="reconciliation_settings_one")]

    def __str__(self) -> str:
        return self.key

    def age(self, name: str) -> timedelta:
        """One of AGES, in the unit that its name says."""
        number = getattr(self, name)
        return timedelta(hours=number) if name.endswith("_hours") else timedelta(days=number)
