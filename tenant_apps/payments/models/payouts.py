"""Payouts as rows: where clients' money may go, who has to agree, and what was promised.

State machines (services/destinations.py, services/chain.py):

    Destination  new → verified | refused;  new | verified → retired (by the client)
    Step         waiting → done              (in order; the first is the check, the others approve)
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from kernel.money import Money
from tenant_apps.clients.models import Client


class DestinationState(models.TextChoices):
    NEW = "new", pgettext_lazy("destination state", "Being verified")
    VERIFIED = "verified", pgettext_lazy("destination state", "Verified")
    REFUSED = "refused", pgettext_lazy("destination state", "Refused")
    RETIRED = "retired", pgettext_lazy("destination state", "Removed")


class Destination(Entity):
    """Where a client's money may be paid out to: a line of the client's address book.

    `details` are the fields of the payout method; `fingerprint` is the same for two that are one account in the world,
    whoever's they are. Nothing is paid to it before `usable_from`, so that who has taken over a log-in has to wait.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="destinations")
    method = models.CharField(max_length=40)
    details = models.JSONField()
    holder = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=2, blank=True)
    fingerprint = models.CharField(max_length=64)
    label = models.CharField(max_length=120)  # masked, for people
    state = models.CharField(max_length=10, choices=DestinationState.choices, default=DestinationState.NEW)
    reason_text = models.CharField(max_length=300, blank=True)
    decided_by_id = models.CharField(max_length=40, blank=True)
    decided_by_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)
    usable_from = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_destination"
        constraints = [
            models.UniqueConstraint(
                fields=["client", "fingerprint"],
                condition=~Q(state="retired"),
                name="payments_destination_once",
            )
        ]
        indexes = [
            models.Index(fields=["state", "created_at"], name="payments_destination_state"),
            models.Index(fields=["fingerprint"], name="payments_destination_same"),
        ]

    def __str__(self) -> str:
        return self.label


class ApprovalRule(Entity):
    """Who has to agree to which withdrawals. The first enabled rule that fits decides; none: one approval by anybody who may.

    `steps` are who approves after the check, in order: "" (anybody with the right), "manager" (who is responsible for the
    client), "role:<code>". Empty lists mean everything. Amounts are minor units of `currency`; without one the rule knows no amounts.
    With `auto` no person is asked while the caps hold (minor units of approved-by-rule withdrawals; null: no cap).
    """

    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=10)
    enabled = models.BooleanField(default=True)
    currency = models.CharField(max_length=8, blank=True)
    minimum_minor = models.BigIntegerField(default=0)
    maximum_minor = models.BigIntegerField(null=True, blank=True)
    methods = models.JSONField(default=list, blank=True)  # payout methods; "back" is back to the source
    countries = models.JSONField(default=list, blank=True)
    tags = models.JSONField(default=list, blank=True)
    risk_from = models.PositiveSmallIntegerField(default=0)
    steps = models.JSONField(default=list)
    auto = models.BooleanField(default=False)
    auto_risk_below = models.PositiveSmallIntegerField(default=20)
    client_daily_minor = models.BigIntegerField(null=True, blank=True)
    client_weekly_minor = models.BigIntegerField(null=True, blank=True)
    client_monthly_minor = models.BigIntegerField(null=True, blank=True)
    total_daily_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "payments_approval_rule"
        constraints = [
            models.CheckConstraint(
                condition=~Q(currency="") | Q(minimum_minor=0, maximum_minor=None, auto=False),
                name="payments_approval_rule_currency",
            ),
            models.CheckConstraint(
                condition=Q(auto=False) | Q(maximum_minor__isnull=False), name="payments_approval_rule_auto_bound"
            ),
        ]
        indexes = [models.Index(fields=["enabled", "position"], name="payments_approval_rule_order")]

    def __str__(self) -> str:
        return self.name

    @property
    def minimum(self) -> Money | None:
        return Money(self.minimum_minor, self.currency) if self.currency else None

    @property
    def maximum(self) -> Money | None:
        return None if self.maximum_minor is None else Money(self.maximum_minor, self.currency)


class ApprovalStep(Entity):
    """One decision that a withdrawal needs. Made with the request, so that a rule changed later changes nothing."""

    withdrawal = models.ForeignKey("payments.Withdrawal", on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    who = models.CharField(max_length=60, blank=True)
    decided_by_id = models.CharField(max_length=40, blank=True)
    decided_by_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_approval_step"
        constraints = [
            models.UniqueConstraint(fields=["withdrawal", "position"], name="payments_step_position"),
            models.UniqueConstraint(
                fields=["withdrawal", "decided_by_id"],
                condition=~Q(decided_by_id=""),
                name="payments_step_each_other",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.withdrawal_id} {self.position}"

    @property
    def is_check(self) -> bool:
        return self.position == 0


class PayoutSettings(Entity):
    """What the brokerage promises and asks for around withdrawals. One row, or none: then the defaults hold."""

    singleton = models.BooleanField(default=True)
    promised_hours = models.PositiveSmallIntegerField(default=24)  # from the request to "sent"
    promised_by_method = models.JSONField(default=dict, db_default={})  # hours by payout method, where they are others
    work_days = models.JSONField(default=list, db_default=[])  # 0 is Monday; empty: every day counts
    work_from = models.TimeField(null=True)  # of the brokerage's own clock; without them all day
    work_until = models.TimeField(null=True)
    banking_days = models.BooleanField(default=False, db_default=False)  # only days on which euro banks settle count
    verify_destinations = models.BooleanField(default=True)
    cooling_hours = models.PositiveSmallIntegerField(default=0)  # a verified destination waits that long before use

    class Meta:
        db_table = "payments_payout_settings"
        constraints = [
            models.UniqueConstraint(fields=["singleton"], name="payments_payout_settings_one"),
            models.CheckConstraint(condition=Q(singleton=True), name="payments_payout_settings_true"),
        ]

    def __str__(self) -> str:
        return "payout settings"
