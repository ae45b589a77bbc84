"""Payments as rows: accounts at providers, rules, deposits, withdrawals with their parts, bank statements.

State machines (every move is a compare-and-set under the row's lock, in services):

    Deposit     created → pending → [authorised | delayed] → credited ⇄ reversed   (back when a dispute is won)
                                  → failed | expired            (money that arrives later still credits)
                                  → suspense ⇄ reversed         (another currency than asked: SuspensePayment)
    Withdrawal  requested → checked → sending → paid | failed      (checked waits for each approval of its chain)
                requested | checked → cancelled | rejected
                checked | sending (nothing sent yet) → requested with a hold reason, after a chargeback
    Part        planned → sending → paid | failed;  planned → dropped
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity, StoredFile
from kernel.money import Money
from tenant_apps.clients.models import Client


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

    @property
    def secrets_owner(self) -> str:
        return f"payments.provider:{self.pk}"

    @property
    def ledger_owner(self) -> str:
        """Whose clearing account the provider's money passes through."""
        return f"provider:{self.pk}"


class Device(models.TextChoices):
    PHONE = "phone", pgettext_lazy("device", "Phone or tablet")
    DESKTOP = "desktop", pgettext_lazy("device", "Computer")


class MethodRule(Entity):
    """Which method, for whom, within which limits and at what fee. The first matching rule decides; none: not offered.

    Limits are minor units of `currency`; several rules of one method are bands of amounts. Empty lists mean everyone.
    `fee_*` is what the client pays the brokerage, `cost_*` what the provider is expected to charge the brokerage; both
    in percent of the deposit and per payment. Hours are half-open, in the brokerage's time zone, and may pass midnight.
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
    device = models.CharField(max_length=8, choices=Device.choices, blank=True)
    hours_from = models.TimeField(null=True, blank=True)
    hours_until = models.TimeField(null=True, blank=True)
    fee_percent = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    fee_fixed_minor = models.BigIntegerField(default=0)
    cost_percent = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    cost_fixed_minor = models.BigIntegerField(default=0)
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


class DepositState(models.TextChoices):
    CREATED = "created", pgettext_lazy("deposit state", "Started")
    PENDING = "pending", pgettext_lazy("deposit state", "Waiting for payment")
    AUTHORISED = "authorised", pgettext_lazy("deposit state", "Authorised")
    DELAYED = "delayed", pgettext_lazy("deposit state", "Confirmed, on its way")
    CREDITED = "credited", pgettext_lazy("deposit state", "Credited")
    FAILED = "failed", pgettext_lazy("deposit state", "Failed")
    EXPIRED = "expired", pgettext_lazy("deposit state", "Expired")
    REVERSED = "reversed", pgettext_lazy("deposit state", "Reversed")
    SUSPENSE = "suspense", pgettext_lazy("deposit state", "Came in another currency")


OPEN_DEPOSITS = (DepositState.CREATED, DepositState.PENDING, DepositState.AUTHORISED, DepositState.DELAYED)


class Deposit(Entity):
    """A client's payment in. `amount` was asked; `received` really came; the wallet gets `received` less `fee`."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="deposits")
    reference = models.CharField(max_length=20)  # short, for people and bank statements
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    fee_minor = models.BigIntegerField(default=0)
    received_minor = models.BigIntegerField(null=True)
    reversed_minor = models.BigIntegerField(null=True)
    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="deposits")
    rule = models.ForeignKey(MethodRule, null=True, on_delete=models.SET_NULL, related_name="+")
    method = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=DepositState.choices, default=DepositState.CREATED)
    provider_reference = models.CharField(max_length=120, blank=True)
    payment_reference = models.CharField(max_length=120, blank=True)
    payment_url = models.TextField(blank=True)
    instructions = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=80, blank=True)  # masked instrument
    source_country = models.CharField(max_length=2, blank=True)
    failure = models.CharField(max_length=40, blank=True)
    failure_text = models.CharField(max_length=300, blank=True)
    attention = models.CharField(max_length=40, blank=True)  # why a person should look: words.ATTENTION
    target_trading_account_id = models.UUIDField(null=True, blank=True)
    first = models.BooleanField(default=False)
    was_first = models.BooleanField(default=False)  # the first deposit until it was reversed
    provider_fee_minor = models.BigIntegerField(default=0)  # what the provider told and the ledger has
    provider_fee_currency = models.CharField(max_length=8, blank=True)
    provider_fee_told = models.PositiveSmallIntegerField(default=0)  # how often it was told anew
    attempt = models.UUIDField(null=True, blank=True)  # the first deposit of a row of tries at the same payment
    cost_minor = models.BigIntegerField(default=0)  # what the provider is expected to charge us, by the rule
    language = models.CharField(max_length=10, default="en")
    pending_at = models.DateTimeField(null=True)
    credited_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # when the sweep last asked the provider

    class Meta:
        db_table = "payments_deposit"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="payments_deposit_reference"),
            models.UniqueConstraint(
                fields=["provider_account", "provider_reference"],
                condition=~models.Q(provider_reference=""),
                name="payments_deposit_provider",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0, fee_minor__gte=0, fee_minor__lt=models.F("amount_minor")),
                name="payments_deposit_amount",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payments_deposit_newest"),
            models.Index(fields=["client", "-created_at"], name="payments_deposit_client"),
            models.Index(fields=["state", "-created_at"], name="payments_deposit_state"),
            models.Index(fields=["provider_account", "payment_reference"], name="payments_deposit_payment"),
            models.Index(
                fields=["pending_at"],
                name="payments_deposit_open",
                condition=models.Q(state__in=["created", "pending", "authorised", "delayed"]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)

    @property
    def cost(self) -> Money:
        """The provider's charge as expected by the rule."""
        return Money(self.cost_minor, self.currency)

    @property
    def received(self) -> Money | None:
        return None if self.received_minor is None else Money(self.received_minor, self.currency)

    @property
    def provider_fee(self) -> Money | None:
        currency = self.provider_fee_currency
        return Money(self.provider_fee_minor, currency) if currency else None

    @property
    def credited_amount(self) -> Money:
        """What the wallet got, or would get."""
        gross = self.amount_minor if self.received_minor is None else self.received_minor
        return Money(gross - self.fee_minor, self.currency)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_DEPOSITS


class SuspenseState(models.TextChoices):
    OPEN = "open", pgettext_lazy("suspense state", "To decide")
    PROPOSED = "proposed", pgettext_lazy("suspense state", "Waits for a second person")
    CREDITED = "credited", pgettext_lazy("suspense state", "Credited in its own currency")
    REFUNDED = "refunded", pgettext_lazy("suspense state", "Sent back")
    TAKEN_BACK = "taken_back", pgettext_lazy("suspense state", "Taken back by the payer's bank")


class SuspenseDecision(models.TextChoices):
    CREDIT = "credit", pgettext_lazy("suspense decision", "Credit it in the currency it came in")
    REFUND = "refund", pgettext_lazy("suspense decision", "Send it back")


class SuspensePayment(Entity):
    """Money that came in another currency than asked for: the house keeps it until two people have decided.

    `left_minor` is what is still in suspense. Credited it becomes a deposit of its own (`credited`).
    """

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="suspended")
    currency = models.CharField(max_length=8)
    amount_minor = models.BigIntegerField()
    left_minor = models.BigIntegerField()
    state = models.CharField(max_length=12, choices=SuspenseState.choices, default=SuspenseState.OPEN)
    decision = models.CharField(max_length=8, choices=SuspenseDecision.choices, blank=True)
    note = models.CharField(max_length=300, blank=True)
    proposer_id = models.CharField(max_length=40, blank=True)
    proposer_label = models.CharField(max_length=160, blank=True)
    approver_id = models.CharField(max_length=40, blank=True)
    approver_label = models.CharField(max_length=160, blank=True)
    credited = models.ForeignKey(Deposit, null=True, on_delete=models.PROTECT, related_name="corrects")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_suspense"
        constraints = [
            models.UniqueConstraint(fields=["deposit"], name="payments_suspense_once"),
            models.CheckConstraint(
                condition=models.Q(left_minor__gte=0, left_minor__lte=models.F("amount_minor")),
                name="payments_suspense_left",
            ),
            models.CheckConstraint(
                condition=models.Q(approver_id="") | ~models.Q(approver_id=models.F("proposer_id")),
                name="payments_suspense_four_eyes",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "created_at"], name="payments_suspense_state"),
            models.Index(fields=["credited"], name="payments_suspense_credited"),
        ]

    def __str__(self) -> str:
        return str(self.deposit)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def left(self) -> Money:
        return Money(self.left_minor, self.currency)


class Freeze(Entity):
    """What a chargeback keeps in place: open withdrawals wait, and what the wallet no longer had of the loss is set
    aside as money comes. `holds` are [{id, minor}] in the ledger, `taken` the keys of transfers that covered the loss.
    """

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="freezes")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=8)
    lost_minor = models.BigIntegerField()
    uncovered_minor = models.BigIntegerField()  # what the house carries of it
    holds = models.JSONField(default=list, blank=True)
    taken = models.JSONField(default=list, blank=True)
    active = models.BooleanField(default=True)
    lifted_by = models.CharField(max_length=160, blank=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_freeze"
        constraints = [
            models.UniqueConstraint(
                fields=["deposit"], condition=models.Q(active=True), name="payments_freeze_one_active"
            ),
            models.CheckConstraint(
                condition=models.Q(uncovered_minor__gte=0, uncovered_minor__lte=models.F("lost_minor")),
                name="payments_freeze_uncovered",
            ),
        ]
        indexes = [
            models.Index(fields=["client", "active"], name="payments_freeze_client"),
            models.Index(fields=["deposit"], name="payments_freeze_deposit"),
        ]

    def __str__(self) -> str:
        return str(self.deposit)

    @property
    def lost(self) -> Money:
        return Money(self.lost_minor, self.currency)

    @property
    def uncovered(self) -> Money:
        return Money(self.uncovered_minor, self.currency)

    @property
    def held(self) -> Money:
        return Money(sum(int(one["minor"]) for one in self.holds), self.currency)


class ProviderNote(Entity):
    """What an adapter remembers of a provider's own transaction (ports.Desk), written with the answer to its call."""

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=120)
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="+")
    note = models.JSONField()

    class Meta:
        db_table = "payments_provider_note"
        constraints = [models.UniqueConstraint(fields=["provider_account", "key"], name="payments_note_key")]
        indexes = [
            models.Index(fields=["provider_account", "created_at"], name="payments_note_time"),
            models.Index(fields=["deposit", "-created_at"], name="payments_note_deposit"),
        ]

    def __str__(self) -> str:
        return self.key


class WithdrawalState(models.TextChoices):
    REQUESTED = "requested", pgettext_lazy("withdrawal state", "Requested")
    CHECKED = "checked", pgettext_lazy("withdrawal state", "Checked")
    APPROVED = "approved", pgettext_lazy("withdrawal state", "Approved")
    SENDING = "sending", pgettext_lazy("withdrawal state", "Being sent")
    PAID = "paid", pgettext_lazy("withdrawal state", "Paid")
    REJECTED = "rejected", pgettext_lazy("withdrawal state", "Rejected")
    CANCELLED = "cancelled", pgettext_lazy("withdrawal state", "Cancelled")
    FAILED = "failed", pgettext_lazy("withdrawal state", "Failed")


OPEN_WITHDRAWALS = (
    WithdrawalState.REQUESTED,
    WithdrawalState.CHECKED,
    WithdrawalState.APPROVED,
    WithdrawalState.SENDING,
)


class RejectReason(models.TextChoices):
    DOCUMENTS = "documents", pgettext_lazy("reject reason", "A document is missing or out of date")
    NAME = "name", pgettext_lazy("reject reason", "The account is not in the client's own name")
    DESTINATION = "destination", pgettext_lazy("reject reason", "The destination cannot be paid to")
    ORIGIN = "origin", pgettext_lazy("reject reason", "The origin of the funds is not clear")
    TRADING = "trading", pgettext_lazy("reject reason", "Open positions need the money")
    TERMS = "terms", pgettext_lazy("reject reason", "The terms do not allow it")
    OTHER = "other", pgettext_lazy("reject reason", "Another reason")


class Withdrawal(Entity):
    """A client's payment out. The amount is held in the wallet, part by part, from the request on."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="withdrawals")
    reference = models.CharField(max_length=20)
    amount_minor = models.BigIntegerField()
    paid_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=8)
    state = models.CharField(max_length=12, choices=WithdrawalState.choices, default=WithdrawalState.REQUESTED)
    iban = models.CharField(max_length=34, blank=True)  # where what cannot go back to a source goes
    holder = models.CharField(max_length=120, blank=True)
    bank = models.CharField(max_length=120, blank=True)
    method = models.CharField(
        max_length=40, blank=True, default="", db_default=""
    )  # payout method of what cannot go back to a source
    destination = models.ForeignKey(
        "payments.Destination", null=True, on_delete=models.PROTECT, related_name="withdrawals"
    )
    risk = models.PositiveSmallIntegerField(default=0, db_default=0)  # 0 to 100 (services/risk.py)
    risk_signs = models.JSONField(default=list, db_default=[])  # codes, the weightiest first
    rule = models.ForeignKey("payments.ApprovalRule", null=True, on_delete=models.SET_NULL, related_name="+")
    auto = models.BooleanField(default=False, db_default=False)  # let through by the rule, no person was asked
    due_at = models.DateTimeField(null=True)  # when it should be on its way, as promised to the client
    checks = models.JSONField(default=list)  # [{code, good, words}] at the time of checking
    requested_by = models.CharField(max_length=40, blank=True)  # staff who asked on the client's behalf
    proposer_id = models.CharField(max_length=40, blank=True)
    proposer_label = models.CharField(max_length=160, blank=True)
    approver_id = models.CharField(max_length=40, blank=True)
    approver_label = models.CharField(max_length=160, blank=True)
    hold_reason = models.CharField(max_length=20, blank=True)  # why it is not sent for now: words.HOLDS
    reason = models.CharField(max_length=20, choices=RejectReason.choices, blank=True)
    reason_text = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_withdrawal"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="payments_withdrawal_reference"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0, paid_minor__gte=0, paid_minor__lte=models.F("amount_minor")),
                name="payments_withdrawal_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(approver_id="") | ~models.Q(approver_id=models.F("proposer_id")),
                name="payments_withdrawal_four_eyes",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payments_withdrawal_newest"),
            models.Index(fields=["client", "-created_at"], name="payments_withdrawal_client"),
            models.Index(fields=["state", "created_at"], name="payments_withdrawal_state"),
            models.Index(
                fields=["currency", "created_at"], name="payments_withdrawal_auto", condition=models.Q(auto=True)
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def paid(self) -> Money:
        return Money(self.paid_minor, self.currency)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_WITHDRAWALS


class WithdrawalPolicy(Entity):
    """Limits of withdrawals in a currency from a KYC level on; without a row there are none.

    Per client: `daily` in 24 hours, `weekly` in 7 days, `monthly` in 30. The row of the highest level the client has counts.
    """

    currency = models.CharField(max_length=8)
    kyc_level = models.PositiveSmallIntegerField(default=0, db_default=0)
    minimum_minor = models.BigIntegerField(default=1)
    daily_minor = models.BigIntegerField(null=True, blank=True)
    weekly_minor = models.BigIntegerField(null=True, blank=True)
    monthly_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "payments_withdrawal_policy"
        constraints = [models.UniqueConstraint(fields=["currency", "kyc_level"], name="payments_policy_level")]

    def __str__(self) -> str:
        return self.currency

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def daily(self) -> Money | None:
        return self._money(self.daily_minor)

    @property
    def weekly(self) -> Money | None:
        return self._money(self.weekly_minor)

    @property
    def monthly(self) -> Money | None:
        return self._money(self.monthly_minor)

    def _money(self, minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, self.currency)


class DepositLimit(Entity):
    """What one client may pay in, from a verification level on (the highest row not above the client's counts).

    Minor units of `currency`; empty means no limit. Days are 24 hours back from now.
    """

    currency = models.CharField(max_length=8)
    kyc_level = models.PositiveSmallIntegerField(default=0)
    day_minor = models.BigIntegerField(null=True, blank=True)
    week_minor = models.BigIntegerField(null=True, blank=True)
    month_minor = models.BigIntegerField(null=True, blank=True)
    total_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "payments_deposit_limit"
        constraints = [models.UniqueConstraint(fields=["currency", "kyc_level"], name="payments_deposit_limit_level")]

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


class PartState(models.TextChoices):
    PLANNED = "planned", pgettext_lazy("withdrawal part state", "Planned")
    SENDING = "sending", pgettext_lazy("withdrawal part state", "Being sent")
    PAID = "paid", pgettext_lazy("withdrawal part state", "Paid")
    FAILED = "failed", pgettext_lazy("withdrawal part state", "Failed")
    DROPPED = "dropped", pgettext_lazy("withdrawal part state", "Not sent")


class WithdrawalPart(Entity):
    """Where a share of a withdrawal goes: back to a deposit's source, or by wire. Its id is the operation id outside."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="parts")
    deposit = models.ForeignKey(Deposit, null=True, on_delete=models.PROTECT, related_name="returns")
    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    state = models.CharField(max_length=12, choices=PartState.choices, default=PartState.PLANNED)
    hold_id = models.CharField(max_length=40, blank=True)
    provider_reference = models.CharField(max_length=120, blank=True)
    failure_text = models.CharField(max_length=300, blank=True)
    page_url = models.TextField(
        blank=True, default="", db_default=""
    )  # where the client still has to say where the money goes
    sent_by = models.CharField(max_length=160, blank=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_withdrawal_part"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payments_part_amount"),
        ]
        indexes = [
            models.Index(fields=["withdrawal"], name="payments_part_withdrawal"),
            models.Index(fields=["deposit"], name="payments_part_deposit"),
            models.Index(fields=["provider_account", "provider_reference"], name="payments_part_provider"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class StatementState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("bank statement state", "To approve")
    APPROVED = "approved", pgettext_lazy("bank statement state", "Imported")
    REJECTED = "rejected", pgettext_lazy("bank statement state", "Discarded")


class BankStatement(Entity):
    """An uploaded account statement; the same file is imported once, the same entry of two files once.

    Its lines are made when another person approves it; until then only its file is kept. A discarded one may come again.
    """

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="statements")
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    statement_id = models.CharField(max_length=60)
    iban = models.CharField(max_length=34)
    currency = models.CharField(max_length=8)
    opening_minor = models.BigIntegerField()
    closing_minor = models.BigIntegerField()
    period_from = models.DateField(null=True)
    period_to = models.DateField(null=True)
    imported_by = models.CharField(max_length=160)
    state = models.CharField(max_length=10, choices=StatementState.choices, default=StatementState.APPROVED)
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    uploader_id = models.CharField(max_length=40, blank=True)
    approver_id = models.CharField(max_length=40, blank=True)  # empty where one person suffices
    decided_by = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "payments_bank_statement"
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "statement_id"],
                condition=~models.Q(state="rejected"),
                name="payments_bank_statement_once",
            ),
            models.CheckConstraint(
                condition=models.Q(approver_id="") | ~models.Q(approver_id=models.F("uploader_id")),
                name="payments_bank_statement_four_eyes",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="payments_statement_newest"),
            models.Index(fields=["sha256"], name="payments_statement_file"),
        ]

    def __str__(self) -> str:
        return self.statement_id

    @property
    def opening(self) -> Money:
        return Money(self.opening_minor, self.currency)

    @property
    def closing(self) -> Money:
        return Money(self.closing_minor, self.currency)


class LineState(models.TextChoices):
    MATCHED = "matched", pgettext_lazy("bank line state", "Matched")
    UNMATCHED = "unmatched", pgettext_lazy("bank line state", "To assign")
    PROPOSED = "proposed", pgettext_lazy("bank line state", "Assignment proposed")
    ASSIGNED = "assigned", pgettext_lazy("bank line state", "Assigned")
    IGNORED = "ignored", pgettext_lazy("bank line state", "Not a client's")
    OUTGOING = "outgoing", pgettext_lazy("bank line state", "Outgoing")


class BankLine(Entity):
    """One booked entry of a statement and what it was matched to, with the reasons."""

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    line_key = models.CharField(max_length=120)
    booked_on = models.DateField()
    amount_minor = models.BigIntegerField()  # positive: came in
    currency = models.CharField(max_length=8)
    counterparty = models.CharField(max_length=140, blank=True)
    counterparty_iban = models.CharField(max_length=34, blank=True)
    remittance = models.CharField(max_length=500, blank=True)
    end_to_end = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=12, choices=LineState.choices, default=LineState.UNMATCHED)
    reasons = models.JSONField(default=list)
    deposit = models.ForeignKey(Deposit, null=True, on_delete=models.PROTECT, related_name="bank_lines")
    part = models.ForeignKey(WithdrawalPart, null=True, on_delete=models.PROTECT, related_name="bank_lines")
    client = models.ForeignKey(Client, null=True, on_delete=models.PROTECT, related_name="+")
    proposer_id = models.CharField(max_length=40, blank=True)
    proposer_label = models.CharField(max_length=160, blank=True)
    approver_id = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "payments_bank_line"
        constraints = [
            models.UniqueConstraint(fields=["line_key"], name="payments_bank_line_once"),
            models.CheckConstraint(
                condition=models.Q(approver_id="") | ~models.Q(approver_id=models.F("proposer_id")),
                name="payments_bank_line_four_eyes",
            ),
        ]
        indexes = [
            models.Index(fields=["statement", "position"], name="payments_line_statement"),
            models.Index(fields=["state", "booked_on"], name="payments_line_state"),
        ]

    def __str__(self) -> str:
        return self.line_key

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class BatchState(models.TextChoices):
    MADE = "made", pgettext_lazy("payout batch state", "To release")
    RELEASED = "released", pgettext_lazy("payout batch state", "Released")
    CANCELLED = "cancelled", pgettext_lazy("payout batch state", "Cancelled")


class PayoutBatch(Entity):
    """Approved wires of one bank account and currency in one payment file (pain.001): made by one, released by another.

    The file is built at the release and kept, so every download is the same bytes. `reference` is its message id.
    """

    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="batches")
    reference = models.CharField(max_length=20)
    currency = models.CharField(max_length=8)
    execution_on = models.DateField()
    total_minor = models.BigIntegerField()
    count = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.MADE)
    maker_id = models.CharField(max_length=40)
    maker_label = models.CharField(max_length=160)
    releaser_id = models.CharField(max_length=40, blank=True)
    releaser_label = models.CharField(max_length=160, blank=True)
    released_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)  # why it was cancelled
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_payout_batch"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="payments_batch_reference"),
            models.CheckConstraint(condition=models.Q(total_minor__gt=0, count__gt=0), name="payments_batch_total"),
            models.CheckConstraint(
                condition=models.Q(releaser_id="") | ~models.Q(releaser_id=models.F("maker_id")),
                name="payments_batch_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="payments_batch_newest")]

    def __str__(self) -> str:
        return self.reference

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


class OrderState(models.TextChoices):
    OPEN = "open", pgettext_lazy("payout line state", "No answer yet")
    ACCEPTED = "accepted", pgettext_lazy("payout line state", "Accepted by the bank")
    REFUSED = "refused", pgettext_lazy("payout line state", "Refused by the bank")


class PayoutLine(Entity):
    """One wire in a batch, and what the bank answered. `live` ends when the batch is cancelled: a part is in one live batch."""

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="lines")
    part = models.ForeignKey(WithdrawalPart, on_delete=models.PROTECT, related_name="orders")
    position = models.PositiveIntegerField()
    live = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=OrderState.choices, default=OrderState.OPEN)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "payments_payout_line"
        constraints = [
            models.UniqueConstraint(fields=["part"], condition=models.Q(live=True), name="payments_part_in_one_batch"),
        ]
        indexes = [models.Index(fields=["batch", "position"], name="payments_payout_line_batch")]

    def __str__(self) -> str:
        return str(self.pk)


def state_tone(state: Any) -> str:
    """How a state looks as a badge."""
    return {
        "credited": "success",
        "paid": "success",
        "matched": "success",
        "assigned": "success",
        "failed": "danger",
        "rejected": "danger",
        "reversed": "danger",
        "refused": "danger",
        "accepted": "success",
        "given": "warning",
        "asked": "info",
        "suspense": "warning",
        "open": "warning",
        "taken_back": "danger",
        "refunded": "success",
        "unmatched": "warning",
        "waiting": "warning",
        "made": "warning",
        "released": "success",
        "requested": "warning",
        "checked": "info",
        "proposed": "info",
        "approved": "info",
        "sending": "info",
        "delayed": "info",
        "authorised": "info",
        "pending": "brand",
    }.get(str(state), "neutral")


from .payout_models import (  # noqa: E402, F401 - one app, one module of models for everybody else
    ApprovalRule,
    ApprovalStep,
    Destination,
    DestinationState,
    PayoutSettings,
)
