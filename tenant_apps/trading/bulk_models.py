"""One setting of many accounts changed at once: what was asked for, and each account's part of it.

State machine (services/bulk.py, bulk_running.py): planned → running → done | stopped; planned → dropped. A plan that waits for a second
person is a planned one with a proposal (wallets.ProposedChange); `waiting` is said of it and stored nowhere.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext, pgettext_lazy

from kernel.models import Entity

from .refusal_words import refusal_words


class BulkWhat(models.TextChoices):
    LEVERAGE = "leverage", pgettext_lazy("bulk change", "Leverage")
    TYPE = "type", pgettext_lazy("bulk change", "Account type")


class BulkPurpose(models.TextChoices):
    CHANGE = "change", pgettext_lazy("bulk change", "Change")
    UNDO = "undo", pgettext_lazy("bulk change", "Undoing")
    RETRY = "retry", pgettext_lazy("bulk change", "Second try")


class BulkState(models.TextChoices):
    PLANNED = "planned", pgettext_lazy("bulk change state", "Preview")
    WAITING = "waiting", pgettext_lazy("bulk change state", "Waits for a second person")
    RUNNING = "running", pgettext_lazy("bulk change state", "Running")
    DONE = "done", pgettext_lazy("bulk change state", "Finished")
    STOPPED = "stopped", pgettext_lazy("bulk change state", "Stopped")
    DROPPED = "dropped", pgettext_lazy("bulk change state", "Dropped")


class BulkRowState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("bulk row state", "To be changed")
    SENT = "sent", pgettext_lazy("bulk row state", "On its way")
    DONE = "done", pgettext_lazy("bulk row state", "Changed")
    REFUSED = "refused", pgettext_lazy("bulk row state", "Refused by the server")
    SKIPPED = "skipped", pgettext_lazy("bulk row state", "Left as it is")


class Obstacle(models.TextChoices):
    """Why an account is left as it is. The first group stands against any change, also of one account."""

    NOT_OPEN = "not_open", pgettext_lazy("bulk obstacle", "The account is not open")
    NOT_OFFERED = "not_offered", pgettext_lazy("bulk obstacle", "Its type does not offer this leverage")
    ABOVE_CAP = "above_cap", pgettext_lazy("bulk obstacle", "More leverage than the client’s rules allow")
    OTHER_SERVER = "other_server", pgettext_lazy("bulk obstacle", "The type is of another server")
    OTHER_CURRENCY = "other_currency", pgettext_lazy("bulk obstacle", "The type is in another currency")
    OTHER_REALITY = "other_reality", pgettext_lazy("bulk obstacle", "One is live, the other for practice")
    MONEY_MOVES = "money_moves", pgettext_lazy("bulk obstacle", "Money is on its way")
    TRADES = "trades", pgettext_lazy("bulk obstacle", "Positions are open")
    LEVERAGE_LACKING = (
        "leverage_lacking",
        pgettext_lazy("bulk obstacle", "The type does not offer the account’s leverage"),
    )

    SAME = "same", pgettext_lazy("bulk obstacle", "It is so already")
    CHANGING = "changing", pgettext_lazy("bulk obstacle", "Another change of it is under way")
    CHANGED_SINCE = "changed_since", pgettext_lazy("bulk obstacle", "Changed since")
    OUT_OF_REACH = "out_of_reach", pgettext_lazy("bulk obstacle", "No longer within reach of who asked")
    STOPPED = "stopped", pgettext_lazy("bulk obstacle", "Stopped before its turn")


def reason_words(reason: str) -> str:
    """Why an account is left as it is, or why the server refused."""
    return str(Obstacle(reason).label) if reason in Obstacle.values else refusal_words(reason)


AS_BEFORE = "↶"  # an undoing, and another try of one: each account has a value of its own to get


class BulkChange(Entity):
    """A setting of all accounts that a filter found, or of those of another bulk change (`origin`: undone, or tried again).

    `account_type` or `leverage` is what they get; neither for an undoing, whose rows each have their own value again.
    `query` is the list's filter as its address had it. `actor` is who asked, without rights: these are asked for anew.
    The counts of what came of it are kept when nothing is under way any more (`finished_at`).
    """

    what = models.CharField(max_length=8, choices=BulkWhat.choices)
    purpose = models.CharField(max_length=6, choices=BulkPurpose.choices, default=BulkPurpose.CHANGE)
    origin = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="followers")
    leverage = models.PositiveIntegerField(null=True, blank=True)
    account_type = models.ForeignKey(
        "trading.AccountType", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    query = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=BulkState.choices, default=BulkState.PLANNED)
    actor = models.JSONField(default=dict)
    proposer_id = models.CharField(max_length=40)
    proposer_label = models.CharField(max_length=160)
    approver_label = models.CharField(max_length=160, blank=True)
    stopper_label = models.CharField(max_length=160, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    accounts = models.PositiveIntegerField(default=0)
    changing = models.PositiveIntegerField(default=0)  # of them, by the preview
    done = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "trading_bulk"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["planned", "dropped"])
                | (models.Q(started_at__isnull=False) & ~models.Q(reason="")),
                name="trading_bulk_reasoned",
            )
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="trading_bulk_newest"),
            models.Index(
                fields=["created_at"], name="trading_bulk_open",
                condition=models.Q(state__in=["planned", "running", "stopped"], finished_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.aim} × {self.changing}"

    @property
    def aim(self) -> str:
        """What the accounts get, the same in every language."""
        if self.leverage:
            return f"1:{self.leverage}"
        return str(self.account_type) if self.account_type else AS_BEFORE

    @property
    def title(self) -> str:
        """For people: `Leverage: 1:30`, or whose values come back."""
        words = BulkWhat(self.what).label
        if self.aim == AS_BEFORE:
            return pgettext("bulk change", "%(what)s as before") % {"what": words}
        return f"{words}: \u2068{self.aim}\u2069"

    @property
    def topic(self) -> str:
        """Live topic of its page: told that something moved, and nothing of any account."""
        return f"trading-bulk:{self.pk}"


class BulkChangeRow(models.Model):
    """One account of a bulk change. `before` and `after` are leverages or ids of account types, as text.

    It leaves `waiting` once: to `skipped`, or to `sent` in the transaction that writes its command (`command_id`); the
    command's end moves it on. `reason` is an Obstacle, or the server's own word for a refusal.
    """

    id = models.BigAutoField(primary_key=True)
    change = models.ForeignKey(BulkChange, on_delete=models.PROTECT, related_name="rows", db_index=False)
    server = models.ForeignKey("trading.TradingServer", on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(
        "trading.TradingAccount", on_delete=models.PROTECT, related_name="bulk_rows", db_index=False
    )
    before = models.CharField(max_length=36)
    after = models.CharField(max_length=36)
    state = models.CharField(max_length=8, choices=BulkRowState.choices, default=BulkRowState.WAITING)
    reason = models.CharField(max_length=60, blank=True)
    command_id = models.UUIDField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "trading_bulk_row"
        constraints = [
            models.UniqueConstraint(fields=["account", "change"], name="trading_bulk_row_once"),
            models.UniqueConstraint(fields=["command_id"], name="trading_bulk_row_command"),
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "skipped"]) | models.Q(command_id__isnull=False),
                name="trading_bulk_row_sent",
            ),
        ]
        indexes = [
            models.Index(fields=["change", "state", "id"], name="trading_bulk_row_state"),
            models.Index(fields=["change", "id"], name="trading_bulk_row_order"),
            models.Index(
                fields=["server", "change", "id"], name="trading_bulk_row_next", condition=models.Q(state="waiting")
            ),
            models.Index(fields=["server"], name="trading_bulk_row_under_way", condition=models.Q(state="sent")),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.before} → {self.after}"

    @property
    def why(self) -> str:
        """The reason in words."""
        return reason_words(self.reason)
