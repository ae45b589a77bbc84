"""How much and how often a client may pay in, and what they are asked about where it came from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity, StoredFile
from kernel.money import Money
from tenant_apps.clients.models import Client


class DepositLimit(Entity):
    """What one client may pay in, from a verification level on (the highest row not above the client's counts).

    With `pack` (a key of clients.rule_packs) it is for residents of the countries which that pack protects, and for clients
    of a legal entity that has it, beside what holds for everybody: the narrowest counts, window by window. Minor units of `currency`; empty means no
    limit. Days are 24 hours back from now.
    """

    currency = models.CharField(max_length=8)
    kyc_level = models.PositiveSmallIntegerField(default=0)
    pack = models.CharField(max_length=20, blank=True, default="", db_default="")
    day_minor = models.BigIntegerField(null=True, blank=True)
    week_minor = models.BigIntegerField(null=True, blank=True)
    month_minor = models.BigIntegerField(null=True, blank=True)
    total_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "payments_deposit_limit"
        constraints = [
            models.UniqueConstraint(fields=["currency", "kyc_level", "pack"], name="payments_deposit_limit_level")
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.kyc_level}"

    def of(self, window: str) -> Money | None:
        """The limit of a window: day, week, month or total."""
        minor = getattr(self, f"{window}_minor")
        return None if minor is None else Money(minor, self.currency)


class Measure(models.TextChoices):
    ATTEMPTS = "attempts", pgettext_lazy("velocity measure", "Payments started")
    DECLINED = "declined", pgettext_lazy("velocity measure", "Payments declined")
    INSTRUMENTS = "instruments", pgettext_lazy("velocity measure", "Different cards or accounts")


class VelocityAction(models.TextChoices):
    REFUSE = "refuse", pgettext_lazy("velocity action", "Refuse the next payment")
    REVIEW = "review", pgettext_lazy("velocity action", "Let it pass and mark it for a look")


class VelocityRule(Entity):
    """So many of something within so many hours is unusual; what then."""

    measure = models.CharField(max_length=12, choices=Measure.choices)
    most = models.PositiveSmallIntegerField()
    hours = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=8, choices=VelocityAction.choices)

    class Meta:
        db_table = "payments_velocity_rule"
        constraints = [
            models.CheckConstraint(condition=models.Q(most__gt=0, hours__gt=0), name="payments_velocity_sense"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.most}/{self.hours}h"


class FundsAction(models.TextChoices):
    HOLD = "hold", pgettext_lazy("source of funds", "Take it and keep it from being withdrawn")
    REFUSE = "refuse", pgettext_lazy("source of funds", "Refuse it")


class FundsThreshold(Entity):
    """Above this much paid in, the client has to show where the money comes from."""

    currency = models.CharField(max_length=8)
    amount_minor = models.BigIntegerField()
    action = models.CharField(max_length=8, choices=FundsAction.choices, default=FundsAction.HOLD)

    class Meta:
        db_table = "payments_funds_threshold"
        constraints = [
            models.UniqueConstraint(fields=["currency"], name="payments_funds_currency"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payments_funds_amount"),
        ]

    def __str__(self) -> str:
        return self.currency

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class FundsState(models.TextChoices):
    ASKED = "asked", pgettext_lazy("source of funds", "Asked for")
    GIVEN = "given", pgettext_lazy("source of funds", "To be looked at")
    REFUSED = "refused", pgettext_lazy("source of funds", "More needed")
    ACCEPTED = "accepted", pgettext_lazy("source of funds", "Accepted")


class FundsOrigin(models.TextChoices):
    SALARY = "salary", pgettext_lazy("source of funds", "Salary or pension")
    BUSINESS = "business", pgettext_lazy("source of funds", "Own business")
    SAVINGS = "savings", pgettext_lazy("source of funds", "Savings")
    INVESTMENTS = "investments", pgettext_lazy("source of funds", "Sale of investments or property")
    GIFT = "gift", pgettext_lazy("source of funds", "Inheritance or gift")
    OTHER = "other", pgettext_lazy("source of funds", "Something else")


class FundsRequest(Entity):
    """That a client is asked where the money comes from, what they said and showed, and who accepted it."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=8)
    total_minor = models.BigIntegerField()  # paid in when it was asked for
    state = models.CharField(max_length=8, choices=FundsState.choices, default=FundsState.ASKED)
    origin = models.CharField(max_length=12, choices=FundsOrigin.choices, blank=True)
    text = models.CharField(max_length=1000, blank=True)
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)  # what more is needed, for the client
    decided_by = models.CharField(max_length=160, blank=True)
    given_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_funds_request"
        constraints = [models.UniqueConstraint(fields=["client"], name="payments_funds_client")]
        indexes = [
            models.Index(fields=["state", "given_at"], name="payments_funds_queue"),
            models.Index(fields=["file"], name="payments_funds_file"),
        ]

    def __str__(self) -> str:
        return str(self.client)

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)
