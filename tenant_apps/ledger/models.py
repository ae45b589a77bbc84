"""The ledger's tables. The application's role may only read them; rows are written by the functions of `sql/`.

Invariants (money.md, 2):
I1  the entries of a transfer sum to zero per currency; a statement trigger refuses anything else
I2  an account's balance is the sum of its entries, its held amount the sum of its open holds
I3  an account's `seq` is gapless, and balance_after(n) = balance_after(n-1) + amount
I4  balance − held ≥ 0 unless the account may be overdrawn
I5  one effect per key, however often and from however many places it is asked for
I6  a hold resolves once; captured + released = amount
I7  nothing is updated, deleted or truncated
I8  replaying the entries gives every balance
I9  a snapshot is the sum of the account's entries before its period's end, and nothing is booked before that end later

House accounts (`running` false) keep no running balance: they are in every transfer, and a row that all writers lock
would make the whole brokerage wait in line (0.31 of the throughput at 8 connections, money.md 1.2).
"""

from __future__ import annotations

from django.db import models

from kernel.ids import uuid7
from kernel.money import Money


class Account(models.Model):
    """One currency, one purpose, one owner: ("client:<id>", "wallet", "EUR"), ("house", "clearing:stripe", "EUR").

    A positive balance on a client's account is what the brokerage owes the client. House accounts mirror it: money at a
    payment provider is a negative sum on its clearing account, since all entries of the ledger sum to zero.
    """

    id = models.BigAutoField(primary_key=True)
    owner = models.CharField(max_length=60)
    kind = models.CharField(max_length=60)
    currency = models.CharField(max_length=8)
    running = models.BooleanField()
    overdraft = models.BooleanField()
    balance = models.BigIntegerField(default=0, db_default=0)
    held = models.BigIntegerField(default=0, db_default=0)
    seq = models.BigIntegerField(default=0, db_default=0)
    frozen = models.BooleanField(default=False, db_default=False)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    db_rights = "read"

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind", "currency"], name="ledger_account_identity"),
            models.CheckConstraint(
                condition=models.Q(overdraft=True) | models.Q(balance__gte=models.F("held")),
                name="ledger_account_not_overdrawn",
            ),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="ledger_account_held_positive"),
            models.CheckConstraint(
                condition=models.Q(running=True) | models.Q(balance=0, held=0, seq=0), name="ledger_account_house_plain"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.kind} {self.currency}"

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)


class Transfer(models.Model):
    """Why money moved: kind, key, who asked, when it took effect. Never changed; corrected by a reversing transfer."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=160)
    request_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    data = models.JSONField()
    actor = models.JSONField()
    reverses = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reversals")
    db_rights = "read"

    class Meta:
        db_table = "ledger_transfer"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="ledger_transfer_key"),
            models.UniqueConstraint(
                fields=["reverses"], condition=models.Q(reverses__isnull=False), name="ledger_transfer_reversed_once"
            ),
        ]
        indexes = [models.Index(fields=["kind", "created_at"], name="ledger_transfer_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Entry(models.Model):
    """One leg: minor units of the account's currency, positive raises its balance. No foreign keys: they double the
    cost of bulk posting (money.md, 1.5), and only the posting function writes here."""

    id = models.BigAutoField(primary_key=True)
    transfer_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField(null=True)
    seq = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    db_rights = "read"

    class Meta:
        db_table = "ledger_entry"
        constraints = [
            models.UniqueConstraint(fields=["account_id", "seq"], name="ledger_entry_seq"),
            models.CheckConstraint(condition=~models.Q(amount=0), name="ledger_entry_amount_not_zero"),
        ]
        indexes = [
            models.Index(fields=["transfer_id"], name="ledger_entry_transfer"),
            models.Index(fields=["account_id", "id"], include=["amount"], name="ledger_entry_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.amount}"


class Period(models.Model):
    """The books are closed up to `until`: no posting has or will get an earlier `created_at`. Written by ledger_close.

    Every entry from `until` on has at least the id `floor_entry`, so that what came later is found by ids.
    """

    id = models.BigAutoField(primary_key=True)
    until = models.DateTimeField()
    floor_entry = models.BigIntegerField()
    entries = models.BigIntegerField()  # how many belong to it
    created_at = models.DateTimeField()
    actor = models.JSONField()
    db_rights = "read"

    class Meta:
        db_table = "ledger_period"
        constraints = [models.UniqueConstraint(fields=["until"], name="ledger_period_until")]

    def __str__(self) -> str:
        return self.until.isoformat()


class Snapshot(models.Model):
    """An account's balance at a period's end, written when the account moved in it. Proved against the entries (I9)."""

    id = models.BigAutoField(primary_key=True)
    period_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    balance = models.BigIntegerField()
    db_rights = "read"

    class Meta:
        db_table = "ledger_snapshot"
        constraints = [models.UniqueConstraint(fields=["account_id", "period_id"], name="ledger_snapshot_once")]
        indexes = [models.Index(fields=["period_id"], name="ledger_snapshot_period")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance}"


class Proof(models.Model):
    """A night's proof of the invariants: `broken` maps what failed to the first ids at which it did."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    good = models.BooleanField()
    broken = models.JSONField(default=dict)
    db_rights = "append"

    class Meta:
        db_table = "ledger_proof"
        indexes = [models.Index(fields=["-at"], name="ledger_proof_newest")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d} {'good' if self.good else 'broken'}"


class HoldState(models.TextChoices):
    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"


class Hold(models.Model):
    """An amount set aside on an account until it is captured (in whole or part; the rest is released) or voided."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=HoldState.choices)
    key = models.CharField(max_length=160)
    request_hash = models.CharField(max_length=64)
    data = models.JSONField()
    actor = models.JSONField()
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    db_rights = "read"

    class Meta:
        db_table = "ledger_hold"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="ledger_hold_key"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="ledger_hold_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(captured__gte=0, captured__lte=models.F("amount")), name="ledger_hold_captured"
            ),
        ]
        indexes = [
            models.Index(fields=["account"], name="ledger_hold_open", condition=models.Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.amount} {self.state}"
