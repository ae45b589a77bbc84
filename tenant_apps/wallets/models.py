"""What wallets keep beside the ledger: exchange rates and their rules. Balances are in the ledger and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.models import Entity
from kernel.money import Money

from .change_models import ChangeState as ChangeState
from .change_models import ProposedChange as ProposedChange

RATE: dict[str, Any] = {"max_digits": 44, "decimal_places": 24}  # finer than any feed; whole part up to 10^20
MOST_BPS = 2_000


def pair_key(one: str, other: str) -> str:
    """One name for a pair, whichever way it is traded: `EUR/USD`."""
    return "/".join(sorted((one, other)))


class Rate(models.Model):
    """What one unit of `base` cost in `quote`, as its source said it. Never changed; a newer row takes over.

    A pegged rate does not age; it ends with the next rate of its pair.
    """

    id = models.BigAutoField(primary_key=True)
    base = models.CharField(max_length=8)
    quote = models.CharField(max_length=8)
    pair = models.CharField(max_length=17)
    mid = models.DecimalField(**RATE)
    source = models.CharField(max_length=14)
    observed_at = models.DateTimeField()
    pegged = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    db_rights = "append"

    class Meta:
        db_table = "wallets_rate"
        constraints = [
            models.UniqueConstraint(fields=["source", "base", "quote", "observed_at"], name="wallets_rate_once"),
            models.CheckConstraint(condition=models.Q(mid__gt=0), name="wallets_rate_positive"),
            models.CheckConstraint(condition=~models.Q(base=models.F("quote")), name="wallets_rate_two_currencies"),
        ]
        indexes = [
            models.Index(fields=["pair", "-observed_at", "-id"], name="wallets_rate_pair"),
            models.Index(fields=["observed_at"], name="wallets_rate_time"),
            models.Index(fields=["pair"], condition=models.Q(pegged=True), name="wallets_rate_peg"),
        ]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} {self.mid.normalize():f}"


class SourceState(Entity):
    """When a source of rates was last asked, when it last had something, and what went wrong since."""

    source = models.CharField(max_length=14)
    asked_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=60, blank=True)

    class Meta:
        db_table = "wallets_rate_source"
        constraints = [models.UniqueConstraint(fields=["source"], name="wallets_rate_source_once")]

    def __str__(self) -> str:
        return self.source


class Decision(models.TextChoices):
    """Where something stands that one person proposes and another decides."""

    PROPOSED = "proposed", pgettext_lazy("decision", "Waiting for approval")
    APPROVED = "approved", pgettext_lazy("decision", "Approved")
    REJECTED = "rejected", pgettext_lazy("decision", "Rejected")
    WITHDRAWN = "withdrawn", pgettext_lazy("decision", "Taken back")


class Decided(Entity):
    """Four eyes as columns: who proposed, who decided, when and why. The database refuses the same account twice."""

    state = models.CharField(max_length=10, choices=Decision.choices, default=Decision.PROPOSED)
    proposer_id = models.CharField(max_length=40)
    proposer_label = models.CharField(max_length=160)
    decider_id = models.CharField(max_length=40, blank=True)
    decider_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True


class ManualRate(Decided):
    """A rate that people set: proposed by one, approved by another, observed at the moment of the approval."""

    base = models.CharField(max_length=8)
    quote = models.CharField(max_length=8)
    mid = models.DecimalField(**RATE)
    pegged = models.BooleanField(default=False)
    reason = models.CharField(max_length=300)

    class Meta:
        db_table = "wallets_manual_rate"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state=Decision.APPROVED) | ~models.Q(decider_id=models.F("proposer_id")),
                name="wallets_manual_rate_four_eyes",
            ),
            models.CheckConstraint(condition=models.Q(mid__gt=0), name="wallets_manual_rate_positive"),
        ]
        indexes = [models.Index(fields=["state", "-created_at"], name="wallets_manual_rate_state")]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} {self.mid.normalize():f}"


class ExchangePolicy(Entity):
    """The brokerage's rules of moving money inside; one row, made when they are first changed (selectors.exchange_policy).

    `markup_bps` is taken from the mid rate in the client's disfavour, in hundredths of a percent. `minimum` is compared
    at the mid rate, whatever the currency given. A published rate is too old when more than `max_banking_days` have begun
    since its own, one that people set after `max_age_hours`. `transfers_enabled`: clients may send to each other, within
    TransferPolicy; off until somebody decides so.
    """

    only = models.BooleanField(default=True)
    enabled = models.BooleanField(default=True)
    transfers_enabled = models.BooleanField(default=False)
    max_banking_days = models.PositiveIntegerField(default=2, db_default=2)
    max_age_hours = models.PositiveIntegerField(default=96)
    quote_seconds = models.PositiveIntegerField(default=30)
    markup_bps = models.PositiveIntegerField(default=50)
    minimum_minor = models.BigIntegerField(default=100)
    minimum_currency = models.CharField(max_length=8, default="EUR")
    daily_count = models.PositiveIntegerField(default=50)

    class Meta:
        db_table = "wallets_exchange_policy"
        constraints = [
            models.UniqueConstraint(fields=["only"], name="wallets_exchange_policy_one"),
            models.CheckConstraint(
                condition=models.Q(only=True, markup_bps__lte=MOST_BPS, quote_seconds__gte=5, max_age_hours__gte=1),
                name="wallets_exchange_policy_sound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.markup_bps} bps"

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.minimum_currency)

    @property
    def max_age(self) -> timedelta:
        return timedelta(hours=self.max_age_hours)


class PairMarkup(Entity):
    """The mark-up of one pair, both ways, in place of the default."""

    pair = models.CharField(max_length=17)
    bps = models.PositiveIntegerField()

    class Meta:
        db_table = "wallets_pair_markup"
        constraints = [
            models.UniqueConstraint(fields=["pair"], name="wallets_pair_markup_once"),
            models.CheckConstraint(condition=models.Q(bps__lte=MOST_BPS), name="wallets_pair_markup_sound"),
        ]

    def __str__(self) -> str:
        return f"{self.pair}: {self.bps}"


def as_percent(bps: int) -> Decimal:
    """Basis points as a ratio: 50 is 0.005."""
    return Decimal(bps).scaleb(-4)


class ExchangeState(models.TextChoices):
    QUOTED = "quoted", pgettext_lazy("exchange state", "Quoted")
    DONE = "done", pgettext_lazy("exchange state", "Done")


class Exchange(Entity):
    """A quote of an exchange between two wallets of one client and, once confirmed in time, the exchange itself.

    `worth` is what the given amount is worth at the mid rate; what it is above `get` is the house's. Everything that
    priced it stays: mid, mark-up, the rate applied, its source and time. Amounts never change after the quote.
    """

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="exchanges")
    reference = models.CharField(max_length=12)
    state = models.CharField(max_length=8, choices=ExchangeState.choices, default=ExchangeState.QUOTED)
    give_minor = models.BigIntegerField()
    give_currency = models.CharField(max_length=8)
    get_minor = models.BigIntegerField()
    get_currency = models.CharField(max_length=8)
    worth_minor = models.BigIntegerField()
    mid = models.DecimalField(**RATE)
    bps = models.PositiveIntegerField()
    applied = models.DecimalField(**RATE)
    source = models.CharField(max_length=60)
    rate_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    transfer_id = models.BigIntegerField(null=True)  # the ledger's

    class Meta:
        db_table = "wallets_exchange"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="wallets_exchange_reference"),
            models.CheckConstraint(
                condition=models.Q(give_minor__gt=0, get_minor__gt=0, worth_minor__gte=models.F("get_minor")),
                name="wallets_exchange_amounts",
            ),
            models.CheckConstraint(
                condition=~models.Q(give_currency=models.F("get_currency")), name="wallets_exchange_two_currencies"
            ),
            models.CheckConstraint(
                condition=models.Q(state="quoted", confirmed_at=None, transfer_id=None)
                | models.Q(state="done", transfer_id__isnull=False, confirmed_at__lt=models.F("expires_at")),
                name="wallets_exchange_in_time",
            ),
        ]
        indexes = [models.Index(fields=["client", "state", "-confirmed_at"], name="wallets_exchange_client")]

    def __str__(self) -> str:
        return self.reference

    @property
    def give(self) -> Money:
        return Money(self.give_minor, self.give_currency)

    @property
    def get(self) -> Money:
        return Money(self.get_minor, self.get_currency)

    @property
    def worth(self) -> Money:
        return Money(self.worth_minor, self.get_currency)

    @property
    def income(self) -> Money:
        """What the house earns, in the currency received."""
        return self.worth - self.get


class TransferPolicy(Entity):
    """Limits of transfers between clients in one currency; without a row the currency cannot be sent.

    `daily` is the most that one client sends in 24 hours; above `approval` (None: never) staff have to agree.
    """

    currency = models.CharField(max_length=8)
    minimum_minor = models.BigIntegerField()
    daily_minor = models.BigIntegerField()
    approval_minor = models.BigIntegerField(null=True)

    class Meta:
        db_table = "wallets_transfer_policy"
        constraints = [
            models.UniqueConstraint(fields=["currency"], name="wallets_transfer_policy_once"),
            models.CheckConstraint(
                condition=models.Q(minimum_minor__gt=0, daily_minor__gte=models.F("minimum_minor"))
                & (models.Q(approval_minor=None) | models.Q(approval_minor__gte=0)),
                name="wallets_transfer_policy_sound",
            ),
        ]

    def __str__(self) -> str:
        return self.currency

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def daily(self) -> Money:
        return Money(self.daily_minor, self.currency)

    @property
    def approval(self) -> Money | None:
        return None if self.approval_minor is None else Money(self.approval_minor, self.currency)


class TransferState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("client transfer state", "Waiting for approval")
    DONE = "done", pgettext_lazy("client transfer state", "Done")
    REJECTED = "rejected", pgettext_lazy("client transfer state", "Refused")
    CANCELLED = "cancelled", pgettext_lazy("client transfer state", "Cancelled")


class ClientTransfer(Entity):
    """Money from one client to another. While it waits, the amount is held in the sender's wallet."""

    sender = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="transfers_sent")
    recipient = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="transfers_received")
    reference = models.CharField(max_length=12)
    key = models.CharField(max_length=60)  # the sender's form: sent twice, it counts once
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    note = models.CharField(max_length=140, blank=True)
    state = models.CharField(max_length=10, choices=TransferState.choices)
    hold_id = models.UUIDField(null=True)
    transfer_id = models.BigIntegerField(null=True)  # the ledger's
    decider_id = models.CharField(max_length=40, blank=True)
    decider_label = models.CharField(max_length=160, blank=True)
    refusal = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "wallets_client_transfer"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="wallets_client_transfer_reference"),
            models.UniqueConstraint(fields=["sender", "key"], name="wallets_client_transfer_once"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0) & ~models.Q(sender=models.F("recipient")),
                name="wallets_client_transfer_two",
            ),
            models.CheckConstraint(
                condition=models.Q(state="waiting", hold_id__isnull=False, closed_at=None, transfer_id=None)
                | models.Q(state="done", transfer_id__isnull=False, closed_at__isnull=False)
                | models.Q(state__in=["rejected", "cancelled"], transfer_id=None, closed_at__isnull=False),
                name="wallets_client_transfer_state",
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "currency", "-created_at"], name="wallets_transfer_sender"),
            models.Index(fields=["recipient", "-created_at"], name="wallets_transfer_recipient"),
            models.Index(fields=["state", "-created_at"], name="wallets_transfer_state"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class AdjustmentReason(models.TextChoices):
    GOODWILL = "goodwill", pgettext_lazy("adjustment reason", "Goodwill")
    CORRECTION = "correction", pgettext_lazy("adjustment reason", "Correction of an error")
    FEE_REFUND = "fee_refund", pgettext_lazy("adjustment reason", "Fee given back")
    FEE = "fee", pgettext_lazy("adjustment reason", "Fee charged")


class Adjustment(Decided):
    """A credit (positive) or debit (negative) of a client's wallet that one person proposes and another approves."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="adjustments")
    reference = models.CharField(max_length=12)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    reason = models.CharField(max_length=12, choices=AdjustmentReason.choices)
    counter = models.CharField(max_length=20)  # the house account's kind
    text = models.CharField(max_length=300)
    transfer_id = models.BigIntegerField(null=True)  # the ledger's

    class Meta:
        db_table = "wallets_adjustment"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="wallets_adjustment_reference"),
            models.CheckConstraint(condition=~models.Q(amount_minor=0), name="wallets_adjustment_amount"),
            models.CheckConstraint(
                condition=~models.Q(state=Decision.APPROVED)
                | (~models.Q(decider_id=models.F("proposer_id")) & models.Q(transfer_id__isnull=False)),
                name="wallets_adjustment_four_eyes",
            ),
            models.CheckConstraint(
                condition=models.Q(state=Decision.APPROVED) | models.Q(transfer_id=None),
                name="wallets_adjustment_posted_if_approved",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-created_at"], name="wallets_adjustment_state"),
            models.Index(fields=["client", "-created_at"], name="wallets_adjustment_client"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
