"""A bonus given to a client, and every movement of credit at the trading server that it caused.

Invariants, proved nightly (`services/proof.py`) and by generated histories:
    B1  a grant's credit is the sum of its moves that were not refused, never below zero and never above its amount
    B2  what is paid out of the house's bonus account for a grant is 0 or the credit it then had, paid once
    B3  on each account the moves that were carried out sum to the credit that the server shows
    B4  nothing is left of the credit of a grant that has ended
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from kernel.ids import uuid7
from kernel.models import Entity
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import Deposit
from tenant_apps.trading.models import TradingAccount
from tenant_apps.wallets.models import Decided, Decision

from .schemes import SchemeVersion


class GrantState(models.TextChoices):
    OFFERED = "offered", pgettext_lazy("bonus state", "Offered")
    GRANTING = "granting", pgettext_lazy("bonus state", "On its way")
    ACTIVE = "active", pgettext_lazy("bonus state", "Active")
    RELEASING = "releasing", pgettext_lazy("bonus state", "Being paid out")
    RELEASED = "released", pgettext_lazy("bonus state", "Paid out")
    BURNING = "burning", pgettext_lazy("bonus state", "Being taken back")
    BURNT = "burnt", pgettext_lazy("bonus state", "Lost")
    EXPIRED = "expired", pgettext_lazy("bonus state", "Expired")
    CANCELLED = "cancelled", pgettext_lazy("bonus state", "Cancelled")


ALIVE = (GrantState.GRANTING, GrantState.ACTIVE, GrantState.RELEASING, GrantState.BURNING)
ENDED = (GrantState.RELEASED, GrantState.BURNT, GrantState.EXPIRED, GrantState.CANCELLED)


class Ending(models.TextChoices):
    """Why a bonus ended, or is being taken back."""

    NONE = "", pgettext_lazy("bonus ending", "Not ended")
    TRADED = "traded", pgettext_lazy("bonus ending", "Enough was traded")
    WITHDRAWAL = "withdrawal", pgettext_lazy("bonus ending", "Money was taken out of the account")
    LOW_EQUITY = "low_equity", pgettext_lazy("bonus ending", "The own money was lost")
    REVERSAL = "reversal", pgettext_lazy("bonus ending", "The deposit was taken back")
    TIME = "time", pgettext_lazy("bonus ending", "The time was over")
    DECLINED = "declined", pgettext_lazy("bonus ending", "Declined by the client")
    BY_HAND = "by_hand", pgettext_lazy("bonus ending", "Cancelled by the brokerage")
    ACCOUNT = "account", pgettext_lazy("bonus ending", "The account was closed")
    REFUSED = "refused", pgettext_lazy("bonus ending", "The trading server refused")


class Grant(Entity):
    """The bonus of one deposit on one trading account. `credit_minor` is what the moves not refused leave there.

    `attention`: a code of something a person must look at ("credit_stuck", "reversed_after_release").
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="bonuses")
    version = models.ForeignKey(SchemeVersion, on_delete=models.PROTECT, related_name="grants")
    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="bonuses")
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="bonuses")
    reference = models.CharField(max_length=12)
    amount_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField(default=0)
    paid_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=8)
    lots_per_unit = models.DecimalField(max_digits=20, decimal_places=8)
    state = models.CharField(max_length=10, choices=GrantState.choices, default=GrantState.OFFERED)
    ending = models.CharField(max_length=12, choices=Ending.choices, default=Ending.NONE, blank=True)
    attention = models.CharField(max_length=30, blank=True)
    pack = models.CharField(max_length=30)  # the rule pack and its version under which it was given
    offered_until = models.DateTimeField(null=True)
    active_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    lots_used = models.DecimalField(max_digits=20, decimal_places=8, null=True)  # when it was released

    class Meta:
        db_table = "bonuses_grant"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="bonuses_grant_reference"),
            models.UniqueConstraint(fields=["deposit"], name="bonuses_grant_deposit_once"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, credit_minor__gte=0, credit_minor__lte=F("amount_minor")),
                name="bonuses_grant_credit",
            ),
            models.CheckConstraint(
                condition=Q(paid_minor__gte=0, paid_minor__lte=F("amount_minor")), name="bonuses_grant_paid"
            ),
            models.CheckConstraint(
                condition=Q(paid_minor=0) | Q(state__in=["releasing", "released"]),
                name="bonuses_grant_paid_if_released",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["released", "burnt", "expired", "cancelled"]) | Q(credit_minor=0),
                name="bonuses_grant_ended_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["client", "-created_at"], name="bonuses_grant_client"),
            models.Index(fields=["state", "-created_at"], name="bonuses_grant_state"),
            models.Index(fields=["-created_at", "-id"], name="bonuses_grant_newest"),
            models.Index(
                fields=["account"],
                name="bonuses_grant_alive",
                condition=Q(state__in=["granting", "active", "releasing", "burning"]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def credit(self) -> Money:
        return Money(self.credit_minor, self.currency)

    @property
    def paid(self) -> Money:
        return Money(self.paid_minor, self.currency)

    @property
    def lots_needed(self) -> Decimal:
        """For what is left of it; what was paid out counts as it was."""
        left = self.credit if self.credit_minor else self.paid
        return (left if left else self.amount).amount * self.lots_per_unit

    @property
    def aggregate(self) -> str:
        return f"bonus:{self.pk}"


class MovePurpose(models.TextChoices):
    GRANT = "grant", pgettext_lazy("bonus move", "Given")
    BURN = "burn", pgettext_lazy("bonus move", "Taken back")
    RESTORE = "restore", pgettext_lazy("bonus move", "Given back: the transfer was refused")
    RELEASE = "release", pgettext_lazy("bonus move", "Replaced by money")


class MoveState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("bonus move state", "On its way")
    DONE = "done", pgettext_lazy("bonus move state", "Done")
    FAILED = "failed", pgettext_lazy("bonus move state", "Refused")


class CreditMove(Entity):
    """Credit put on (positive) or taken off an account by one command. `before_transfer`: the transfer it must precede."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="moves")
    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="credit_moves")
    purpose = models.CharField(max_length=8, choices=MovePurpose.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    state = models.CharField(max_length=8, choices=MoveState.choices, default=MoveState.PENDING)
    command_id = models.UUIDField(default=uuid7)
    before_transfer = models.UUIDField(null=True, blank=True)
    deal = models.BigIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=60, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "bonuses_credit_move"
        constraints = [
            models.UniqueConstraint(fields=["command_id"], name="bonuses_move_command"),
            models.UniqueConstraint(fields=["grant"], condition=Q(purpose="grant"), name="bonuses_move_granted_once"),
            models.UniqueConstraint(
                fields=["before_transfer", "grant", "purpose"],
                condition=Q(before_transfer__isnull=False),
                name="bonuses_move_transfer_once",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["grant", "restore"], amount_minor__gt=0)
                | Q(purpose__in=["burn", "release"], amount_minor__lt=0),
                name="bonuses_move_sign",
            ),
        ]
        indexes = [
            models.Index(fields=["grant", "created_at"], name="bonuses_move_grant"),
            models.Index(fields=["account", "state"], name="bonuses_move_account"),
            models.Index(fields=["before_transfer"], name="bonuses_move_transfer"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.amount}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class CancelRequest(Decided):
    """A bonus is cancelled by hand by two people: one says why, another agrees."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="cancel_requests")
    reason = models.CharField(max_length=300)

    class Meta:
        db_table = "bonuses_cancel_request"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=Decision.APPROVED) | (~Q(decider_id=F("proposer_id")) & ~Q(decider_id="")),
                name="bonuses_cancel_four_eyes",
            ),
            models.UniqueConstraint(
                fields=["grant"], condition=Q(state=Decision.PROPOSED), name="bonuses_cancel_one_proposal"
            ),
        ]

    def __str__(self) -> str:
        return str(self.grant)
