"""Accounts at providers, what they offer to whom, when they rest."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from kernel.money import Money

from ..ports import Method


class ProviderAccount(Entity):
    """An account of the brokerage at a provider. Keys lie in kernel.secrets under `payments.provider:<id>`.

    `settings` are the adapter's plain settings; `fee_*` is what the brokerage charges the client on deposits.
    """

    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    mode = models.CharField(max_length=8, default="test")  # test or live
    settings = models.JSONField(default=dict)
    methods = models.JSONField(default=list)  # codes offered, in order
    payouts = models.JSONField(default=list, db_default=[])  # payout methods used, besides refunds
    refund_days = models.JSONField(default=dict, db_default={}, blank=True)  # by method: no refund after so many days
    currencies = models.JSONField(default=list)  # empty: whatever the provider takes
    enabled = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=10)
    tested_at = models.DateTimeField(null=True)
    test_good = models.BooleanField(null=True)
    test_words = models.CharField(max_length=300, blank=True)
    last_event_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)  # calls in a row that ended with Unavailable
    backed_off_at = models.DateTimeField(null=True)  # held back since then (services.health)
    backoff_after = models.PositiveSmallIntegerField(default=3)  # so many failures hold it back; 0: never
    backoff_hides = models.BooleanField(default=False)  # not offered at all while another account can serve the method

    class Meta:
        db_table = "payments_provider_account"
        indexes = [models.Index(fields=["enabled", "position"], name="payments_provider_order")]

    def __str__(self) -> str:
        return self.name

    def days_to_refund(self, method: Method) -> int:
        """How long a refund can go back by a method: the adapter's limit, or the brokerage's where that is shorter."""
        return min(method.refund_days, int(self.refund_days.get(method.code, method.refund_days)))

    @property
    def secrets_owner(self) -> str:
        return f"payments.provider:{self.pk}"


class Device(models.TextChoices):
    PHONE = "phone", pgettext_lazy("device", "Phone or tablet")
    DESKTOP = "desktop", pgettext_lazy("device", "Computer")


class MethodRule(Entity):
    """Which method, for whom, within which limits and at what fee. The first matching rule decides; none: not offered.

    Limits are minor units of `currency`; several rules of one method are bands of amounts. Empty lists mean everyone.
    `fee_*` is what the client pays the brokerage, `cost_*` what the provider is expected to charge the brokerage,
    `passed_on_*` what it charges the payer on top, which is shown and never booked by us; all in percent of the deposit
    and per payment. Hours are half-open, in the brokerage's time zone, and may pass midnight.
    """

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="rules")
    method = models.CharField(max_length=40)
    currency = models.CharField(max_length=8)
    countries = models.JSONField(default=list, blank=True)
    excluded_countries = models.JSONField(default=list, blank=True)
    minimum_minor = models.BigIntegerField()
    maximum_minor = models.BigIntegerField()
    kyc_level = models.PositiveSmallIntegerField(default=0)
    tags_any = models.JSONField(default=list, blank=True)
    tags_none = models.JSONField(default=list, blank=True)
    entities = models.JSONField(default=list, db_default=[], blank=True)  # ids of clients.LegalEntity, as text
    device = models.CharField(max_length=8, choices=Device.choices, blank=True)
    hours_from = models.TimeField(null=True, blank=True)
    hours_until = models.TimeField(null=True, blank=True)
    fee_percent = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    fee_fixed_minor = models.BigIntegerField(default=0)
    cost_percent = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    cost_fixed_minor = models.BigIntegerField(default=0)
    passed_on_percent = models.DecimalField(max_digits=6, decimal_places=3, default=0, db_default=0)
    passed_on_fixed_minor = models.BigIntegerField(default=0, db_default=0)
    position = models.PositiveSmallIntegerField(default=10)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "payments_method_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(minimum_minor__gt=0, maximum_minor__gte=models.F("minimum_minor")),
                name="payments_rule_limits",
            ),
            models.CheckConstraint(
                condition=models.Q(fee_percent__gte=0, fee_percent__lt=100, fee_fixed_minor__gte=0),
                name="payments_rule_fee",
            ),
            models.CheckConstraint(
                condition=models.Q(cost_percent__gte=0, cost_percent__lt=100, cost_fixed_minor__gte=0),
                name="payments_rule_cost",
            ),
            models.CheckConstraint(
                condition=models.Q(passed_on_percent__gte=0, passed_on_percent__lt=100, passed_on_fixed_minor__gte=0),
                name="payments_rule_passed_on",
            ),
            models.CheckConstraint(
                condition=models.Q(hours_from__isnull=True, hours_until__isnull=True)
                | models.Q(hours_from__isnull=False, hours_until__isnull=False),
                name="payments_rule_hours",
            ),
        ]
        indexes = [models.Index(fields=["currency", "enabled", "position"], name="payments_rule_currency")]

    def __str__(self) -> str:
        return f"{self.method} {self.currency}"

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def maximum(self) -> Money:
        return Money(self.maximum_minor, self.currency)


class PayoutRule(Entity):
    """Through which account money goes out, for whom and in which amounts. The counterpart of MethodRule: without fees.

    An account that has rules for a method and a currency, switched on or not, takes what one that is on fits; an account
    without any takes everything, after those that rules name. Amounts are minor units of `currency`, a maximum of null has
    no end. Empty lists mean everyone. Hours are half-open, in the brokerage's time zone, and may pass midnight.
    """

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="payout_rules")
    method = models.CharField(max_length=40)
    currency = models.CharField(max_length=8)
    countries = models.JSONField(default=list, blank=True)
    excluded_countries = models.JSONField(default=list, blank=True)
    minimum_minor = models.BigIntegerField(default=0)
    maximum_minor = models.BigIntegerField(null=True, blank=True)
    kyc_level = models.PositiveSmallIntegerField(default=0)
    tags_any = models.JSONField(default=list, blank=True)
    tags_none = models.JSONField(default=list, blank=True)
    entities = models.JSONField(default=list, db_default=[], blank=True)  # ids of clients.LegalEntity, as text
    hours_from = models.TimeField(null=True, blank=True)
    hours_until = models.TimeField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=10)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "payments_payout_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(minimum_minor__gte=0)
                & (models.Q(maximum_minor__isnull=True) | models.Q(maximum_minor__gte=models.F("minimum_minor"))),
                name="payments_payout_rule_band",
            ),
            models.CheckConstraint(
                condition=models.Q(hours_from__isnull=True, hours_until__isnull=True)
                | models.Q(hours_from__isnull=False, hours_until__isnull=False),
                name="payments_payout_rule_hours",
            ),
        ]
        indexes = [models.Index(fields=["currency", "method", "position"], name="payments_payout_rule_order")]

    def __str__(self) -> str:
        return f"{self.method} {self.currency}"

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def maximum(self) -> Money | None:
        return None if self.maximum_minor is None else Money(self.maximum_minor, self.currency)

    def holds(self, amount: Money) -> bool:
        return self.minimum <= amount and (self.maximum is None or amount <= self.maximum)


class WithdrawalFee(Entity):
    """What a withdrawal by one way costs the client. The first enabled one that fits decides; none: nothing.

    `method` is a way out of the account, or a method of its deposits for what goes back to them. Of the amount asked for
    by that way the brokerage keeps `fixed` and `percent` (rounded up), at least `minimum` and at most `maximum`, once however
    many deposits it is spread over. `passed_on_*` is what the provider or the network takes of what is sent: shown, never
    booked by us. Amounts are minor units of `currency`; no countries means everywhere.
    """

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="withdrawal_fees")
    method = models.CharField(max_length=40)
    currency = models.CharField(max_length=8)
    countries = models.JSONField(default=list, blank=True)
    kyc_level = models.PositiveSmallIntegerField(default=0)  # from it on
    percent = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    fixed_minor = models.BigIntegerField(default=0)
    minimum_minor = models.BigIntegerField(default=0)
    maximum_minor = models.BigIntegerField(null=True, blank=True)
    passed_on_percent = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    passed_on_fixed_minor = models.BigIntegerField(default=0)
    position = models.PositiveSmallIntegerField(default=10)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "payments_withdrawal_fee"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(percent__gte=0, percent__lt=100, fixed_minor__gte=0, minimum_minor__gte=0),
                name="payments_withdrawal_fee_sound",
            ),
            models.CheckConstraint(
                condition=models.Q(maximum_minor__isnull=True) | models.Q(maximum_minor__gte=models.F("minimum_minor")),
                name="payments_withdrawal_fee_maximum",
            ),
            models.CheckConstraint(
                condition=models.Q(passed_on_percent__gte=0, passed_on_percent__lt=100, passed_on_fixed_minor__gte=0),
                name="payments_withdrawal_fee_passed_on",
            ),
        ]
        indexes = [models.Index(fields=["currency", "enabled", "position"], name="payments_wdfee_currency")]

    def __str__(self) -> str:
        return f"{self.method} {self.currency}"

    @property
    def fixed(self) -> Money:
        return Money(self.fixed_minor, self.currency)

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def maximum(self) -> Money | None:
        return None if self.maximum_minor is None else Money(self.maximum_minor, self.currency)

    @property
    def passed_on_fixed(self) -> Money:
        return Money(self.passed_on_fixed_minor, self.currency)


class Maintenance(Entity):
    """A time in which an account, one of its methods, or a method everywhere is not offered. Open payments go on.

    `words` are for staff; traders just do not see the method. Without an end it lasts until somebody ends it.
    """

    provider_account = models.ForeignKey(
        ProviderAccount, null=True, on_delete=models.PROTECT, related_name="maintenance"
    )  # null: the method at every account
    method = models.CharField(max_length=40, blank=True)  # empty: all methods of the account
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    words = models.CharField(max_length=300, blank=True)
    set_by = models.CharField(max_length=160, blank=True)

    class Meta:
        db_table = "payments_maintenance"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(provider_account__isnull=False) | ~models.Q(method=""),
                name="payments_maintenance_of",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gte=models.F("starts_at")),
                name="payments_maintenance_order",
            ),
        ]
        indexes = [
            models.Index(fields=["provider_account"], name="payments_maintenance_account"),
            models.Index(fields=["ends_at"], name="payments_maintenance_end"),
        ]

    def __str__(self) -> str:
        return self.words or self.method

    def covers(self, account_id: Any, method: str) -> bool:
        return self.provider_account_id in (None, account_id) and self.method in ("", method)
