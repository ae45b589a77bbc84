"""Deposits as rows, money of another currency than asked for, what a chargeback stops, and adapters' notes of payments.

State machine (every move is a compare-and-set under the row's lock, in services):

    Deposit     created → pending → [authorised | delayed] → credited ⇄ reversed   (back when a dispute is won, and
                                                                                     again: each round is a Reversal)
                                  → failed | expired            (money that arrives later still credits)
                                  → suspense ⇄ reversed         (another currency than asked: SuspensePayment)
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from kernel.money import Money
from tenant_apps.clients.models import Client

from .providers import MethodRule, ProviderAccount


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


# Of what came, what is still there: a dispute reverses a deposit whatever it took of it. Never less than nothing, though it
# may be given back and disputed as well.
CAME = models.Q(state__in=(DepositState.CREDITED, DepositState.REVERSED))
STILL_THERE = Greatest(
    models.F("received_minor") - Coalesce(models.F("reversed_minor"), models.Value(0)), models.Value(0)
)

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
    provider_fee_settled_at = models.DateTimeField(null=True)  # by the provider's report, whose word is the last
    # the payment in another currency of which it was credited: all of that, or what was left at the time
    out_of = models.ForeignKey(
        "SuspensePayment", null=True, blank=True, on_delete=models.PROTECT, related_name="credited_as", db_index=False
    )
    attempt = models.UUIDField(null=True, blank=True)  # the first deposit of a row of tries at the same payment
    cost_minor = models.BigIntegerField(default=0)  # what the provider is expected to charge us, by the rule
    passed_on_minor = models.BigIntegerField(
        default=0, db_default=0
    )  # what the provider charges the payer on top, by the rule
    language = models.CharField(max_length=10, default="en")
    pending_at = models.DateTimeField(null=True)
    credited_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # when the sweep last asked the provider
    ask_wanted_at = models.DateTimeField(null=True)  # news that has to be asked about, and was not answered yet

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
                condition=models.Q(amount_minor__gt=0, fee_minor__gte=0)
                & models.Q(fee_minor__lt=Coalesce("received_minor", "amount_minor")),
                name="payments_deposit_amount",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payments_deposit_newest"),
            models.Index(fields=["client", "-created_at"], name="payments_deposit_client"),
            models.Index(fields=["state", "-created_at"], name="payments_deposit_state"),
            models.Index(fields=["provider_account", "payment_reference"], name="payments_deposit_payment"),
            models.Index(fields=["closed_at"], name="payments_deposit_closed"),
            models.Index(fields=["out_of"], name="payments_deposit_out_of", condition=models.Q(out_of__isnull=False)),
            models.Index(
                fields=["pending_at"],
                name="payments_deposit_open",
                condition=models.Q(state__in=["created", "pending", "authorised", "delayed"]),
            ),
            models.Index(fields=["created_at"], name="payments_deposit_attention", condition=~models.Q(attention="")),
            models.Index(
                fields=["ask_wanted_at"],
                name="payments_deposit_ask_wanted",
                condition=models.Q(ask_wanted_at__isnull=False),
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
    def passed_on(self) -> Money:
        """What the provider charges the payer on top, as the rule said when it was started: not ours."""
        return Money(self.passed_on_minor, self.currency)

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

    `left_minor` is what is still in suspense. Credited it becomes a deposit of its own (`credited`), and what comes back to
    suspense after that another one: all of them know it (`Deposit.out_of`).
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


class Reversal(Entity):
    """One round of money being taken back from a deposit: a chargeback that was won may be followed by another.

    Written in the transaction that books it; whether it came back is asked of the ledger. `dispute` is the provider's
    reference of the round; `taken_by` and `returned_by` are those of the single movements, where the provider has no
    reference for both. Empty: not told. `minor` units of the deposit's currency are taken (none: of before it was kept),
    and `returned_minor` of them came back with the decision. `whole`: nobody said how much, so it is all there was.
    """

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="reversals")
    number = models.PositiveSmallIntegerField()
    dispute = models.CharField(max_length=120, blank=True)
    taken_by = models.CharField(max_length=120, blank=True)
    returned_by = models.CharField(max_length=120, blank=True)
    minor = models.BigIntegerField(null=True)
    returned_minor = models.BigIntegerField(default=0, db_default=0)
    whole = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "payments_reversal"
        constraints = [
            models.UniqueConstraint(fields=["deposit", "number"], name="payments_reversal_number"),
            models.UniqueConstraint(
                fields=["deposit", "dispute"], condition=~models.Q(dispute=""), name="payments_reversal_dispute"
            ),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="payments_reversal_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.deposit} {self.number}"

    @property
    def lost(self) -> int:
        """Minor units that did not come back."""
        return (self.minor or 0) - self.returned_minor


class Freeze(Entity):
    """What a chargeback keeps in place: open withdrawals wait, and what the wallet no longer had of the loss is set
    aside as money comes. `holds` are [{id, minor}] in the ledger, `taken` the keys of transfers that covered the loss.
    Each round of a dispute has its own (`reversal`; none: made before rounds were counted, or `cause` is a correction: less
    had come than was credited).
    """

    REVERSED, CORRECTED = "reversal", "correction"

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="freezes")
    reversal = models.ForeignKey(Reversal, null=True, on_delete=models.PROTECT, related_name="freezes")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=8)
    lost_minor = models.BigIntegerField()
    uncovered_minor = models.BigIntegerField()  # what the house carries of it
    holds = models.JSONField(default=list, blank=True)
    taken = models.JSONField(default=list, blank=True)
    cause = models.CharField(max_length=12, default=REVERSED, db_default=REVERSED)
    active = models.BooleanField(default=True)
    lifted_by = models.CharField(max_length=160, blank=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_freeze"
        constraints = [
            models.UniqueConstraint(
                fields=["reversal"], condition=models.Q(active=True), name="payments_freeze_one_a_round"
            ),
            models.CheckConstraint(
                condition=models.Q(uncovered_minor__gte=0, uncovered_minor__lte=models.F("lost_minor")),
                name="payments_freeze_uncovered",
            ),
        ]
        indexes = [
            models.Index(fields=["client", "active"], name="payments_freeze_client"),
            models.Index(fields=["created_at"], name="payments_freeze_open", condition=models.Q(active=True)),
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
