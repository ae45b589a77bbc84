"""The bank as rows: statements with their lines, and files of payouts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity, StoredFile
from kernel.money import Money
from tenant_apps.clients.models import Client

from .deposits import Deposit
from .providers import ProviderAccount
from .withdrawals import WithdrawalPart


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
            models.Index(fields=["created_at"], name="payments_statement_waiting", condition=models.Q(state="waiting")),
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
    # What left before people had to say what it is: counted as no client's, and can be taken up again. None is made any more.
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
            models.Index(fields=["counterparty_iban", "-booked_on"], name="payments_line_payer"),
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
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payments_batch_newest"),
            models.Index(fields=["created_at"], name="payments_batch_made", condition=models.Q(state="made")),
        ]

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
