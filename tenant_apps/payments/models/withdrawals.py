"""Withdrawals as rows, with the parts they are paid in.

State machines (every move is a compare-and-set under the row's lock, in services):

    Withdrawal  requested → checked → sending → paid | failed      (checked waits for each approval of its chain)
                requested | checked → cancelled | rejected
                checked | sending (nothing sent yet) → requested with a hold reason, after a chargeback
    Part        planned → sending → paid | failed;  planned → dropped
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.letters import latin_writable
from kernel.models import Entity
from kernel.money import Money
from tenant_apps.clients.models import Client

from .deposits import Deposit
from .providers import ProviderAccount


class WithdrawalState(models.TextChoices):
    REQUESTED = "requested", pgettext_lazy("withdrawal state", "Requested")
    CHECKED = "checked", pgettext_lazy("withdrawal state", "Checked")
    SENDING = "sending", pgettext_lazy("withdrawal state", "Being sent")
    PAID = "paid", pgettext_lazy("withdrawal state", "Paid")
    REJECTED = "rejected", pgettext_lazy("withdrawal state", "Rejected")
    CANCELLED = "cancelled", pgettext_lazy("withdrawal state", "Cancelled")
    FAILED = "failed", pgettext_lazy("withdrawal state", "Failed")


OPEN_WITHDRAWALS = (
    WithdrawalState.REQUESTED,
    WithdrawalState.CHECKED,
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
    """A client's payment out. The amount is held in the wallet, part by part, from the request on.

    `amount` leaves the wallet, `fee` of it is ours, as shown when it was asked for; `net` is sent. `paid` and `fee_taken`
    are what was sent and kept of the parts that are paid: a part that is not gives its fee back with it."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="withdrawals")
    reference = models.CharField(max_length=20)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(default=0, db_default=0)
    paid_minor = models.BigIntegerField(default=0)
    fee_taken_minor = models.BigIntegerField(default=0, db_default=0)
    passed_on_minor = models.BigIntegerField(default=0, db_default=0)
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
                condition=models.Q(
                    fee_minor__gte=0,
                    fee_minor__lt=models.F("amount_minor"),
                    fee_taken_minor__gte=0,
                    fee_taken_minor__lte=models.F("fee_minor"),
                ),
                name="payments_withdrawal_fee_within",
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
            models.Index(fields=["closed_at"], name="payments_withdrawal_closed"),
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
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)

    @property
    def holder_writable(self) -> bool:
        """Whether a bank's payment file can name the holder."""
        return latin_writable(self.holder)

    @property
    def net(self) -> Money:
        """What is sent when every part goes through."""
        return Money(self.amount_minor - self.fee_minor, self.currency)

    @property
    def paid(self) -> Money:
        return Money(self.paid_minor, self.currency)

    @property
    def fee_taken(self) -> Money:
        return Money(self.fee_taken_minor, self.currency)

    @property
    def passed_on(self) -> Money:
        """What providers and networks take of what is sent, as was shown: not ours."""
        return Money(self.passed_on_minor, self.currency)

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


class PartState(models.TextChoices):
    PLANNED = "planned", pgettext_lazy("withdrawal part state", "Planned")
    SENDING = "sending", pgettext_lazy("withdrawal part state", "Being sent")
    PAID = "paid", pgettext_lazy("withdrawal part state", "Paid")
    FAILED = "failed", pgettext_lazy("withdrawal part state", "Failed")
    DROPPED = "dropped", pgettext_lazy("withdrawal part state", "Not sent")


class WithdrawalPart(Entity):
    """Where a share of a withdrawal goes: back to a deposit's source, or out. Its id is the operation id outside.

    A payout that was surely refused may be tried at another account (services/next_account.py): as a part of its own, with an
    operation id of its own, which `follows` the failed one and has taken its hold over. One part has one successor at most.

    `amount` is sent; `fee` is what we keep besides; `gross`, both, is held and leaves the wallet. `passed_on` is what the
    provider or network takes of what is sent, by the rule: it was shown, and is not ours.
    """

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="parts")
    deposit = models.ForeignKey(Deposit, null=True, on_delete=models.PROTECT, related_name="returns")
    provider_account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(default=0, db_default=0)
    passed_on_minor = models.BigIntegerField(default=0, db_default=0)
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
    doubted_at = models.DateTimeField(null=True)  # told as paid after it had failed: to be asked about
    ask_wanted_at = models.DateTimeField(null=True)  # news that has to be asked about, and was not answered yet
    follows = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="successor")
    uncertain = models.BooleanField(default=False, db_default=False)  # a call of it had once an unknown outcome
    # As of a deposit: what the provider told, which the ledger has; how often; and since when a report's word stands.
    provider_fee_minor = models.BigIntegerField(default=0, db_default=0)
    provider_fee_currency = models.CharField(max_length=8, blank=True, default="", db_default="")
    provider_fee_told = models.PositiveSmallIntegerField(default=0, db_default=0)
    provider_fee_settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_withdrawal_part"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payments_part_amount"),
            models.CheckConstraint(
                condition=models.Q(fee_minor__gte=0, passed_on_minor__gte=0), name="payments_part_fee"
            ),
        ]
        indexes = [
            models.Index(fields=["withdrawal"], name="payments_part_withdrawal"),
            models.Index(fields=["deposit"], name="payments_part_deposit"),
            models.Index(fields=["provider_account", "provider_reference"], name="payments_part_provider"),
            models.Index(
                fields=["ask_wanted_at"],
                name="payments_part_ask_wanted",
                condition=models.Q(ask_wanted_at__isnull=False),
            ),
            models.Index(fields=["updated_at"], name="payments_part_sending", condition=models.Q(state="sending")),
            models.Index(
                fields=["updated_at"], name="payments_part_doubted", condition=models.Q(doubted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def provider_fee(self) -> Money | None:
        currency = self.provider_fee_currency
        return Money(self.provider_fee_minor, currency) if currency else None

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)

    @property
    def gross(self) -> Money:
        """What is held, and leaves the wallet when the part is paid."""
        return Money(self.amount_minor + self.fee_minor, self.currency)

    @property
    def passed_on(self) -> Money:
        return Money(self.passed_on_minor, self.currency)
