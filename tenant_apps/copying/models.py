"""Strategies that clients offer from accounts of their own, and their figures.

A strategy is known by its name; whose it is, other clients never learn. What is shown was released by the office; what has
once been shown is not forgotten when it ends (README.md).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from kernel.money import Money
from tenant_apps.trading.models import TradingAccount

PERCENT: dict[str, Any] = {"max_digits": 5, "decimal_places": 2, "default": Decimal(0)}
SHARE: dict[str, Any] = {"max_digits": 12, "decimal_places": 6, "null": True}


class StrategyState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("strategy state", "Waits for release")
    LISTED = "listed", pgettext_lazy("strategy state", "Released")
    REJECTED = "rejected", pgettext_lazy("strategy state", "Not released")
    SUSPENDED = "suspended", pgettext_lazy("strategy state", "Suspended")
    ENDED = "ended", pgettext_lazy("strategy state", "Ended")


class Strategy(Entity):
    """A live account as its client offers it, one strategy per account for ever: nobody begins anew with a clean record.

    Fees and the least amount are stated, not charged by us. `wanted`: other texts and terms of a released one, which wait
    for release while those of before are shown, as those do of one that is offered anew. `visible` is the client's switch.
    `withheld`: the office took its name and texts from view, and until it releases them nothing else shows them again.
    `released_at`: when it was first shown.
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="strategies")
    name = models.CharField(max_length=40)
    description = models.CharField(max_length=600)
    performance_fee = models.DecimalField(**PERCENT)  # percent of new profit
    management_fee = models.DecimalField(**PERCENT)  # percent of the capital, a year
    volume_fee_minor = models.BigIntegerField(default=0)  # per lot traded
    minimum_minor = models.BigIntegerField(default=0)
    show_capital = models.BooleanField(default=False)
    visible = models.BooleanField(default=True)
    withheld = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=10, choices=StrategyState.choices, default=StrategyState.WAITING)
    wanted = models.JSONField(null=True, blank=True)
    consented_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)  # why it was not released, or was suspended

    class Meta:
        db_table = "copying_strategy"
        constraints = [
            models.UniqueConstraint(fields=["account"], name="copying_strategy_account"),
            models.UniqueConstraint(Lower("name"), name="copying_strategy_name"),
            models.CheckConstraint(
                condition=Q(performance_fee__gte=0, performance_fee__lte=100, management_fee__gte=0)
                & Q(management_fee__lte=100, volume_fee_minor__gte=0, minimum_minor__gte=0),
                name="copying_strategy_terms",
            ),
        ]
        indexes = [models.Index(fields=["state", "-created_at"], name="copying_strategy_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def on_board(self) -> bool:
        return self.state == StrategyState.LISTED and self.visible

    @property
    def nameless(self) -> bool:
        """Whether others may read its figures, and neither name nor texts."""
        return self.withheld or self.state == StrategyState.SUSPENDED

    @property
    def waits(self) -> bool:
        """Whether the office has something to release."""
        return self.state == StrategyState.WAITING or bool(self.wanted)

    @property
    def performance_share(self) -> Decimal:
        return self.performance_fee / 100

    @property
    def management_share(self) -> Decimal:
        return self.management_fee / 100

    @property
    def volume_fee(self) -> Money:
        return Money(self.volume_fee_minor, self.account.currency)

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.account.currency)


class StrategyStats(models.Model):
    """What its own deals and equity say of a strategy (`figures.py` says how). Shares: 0.1 is 10 %. Null is not known.

    `standing` orders the board: growth over drawdown, and those too few to judge far below. `copiers`: null where the
    platform does not tell. `months` [["2026-03", 0.012], …] and `curve` [["2026-03-31", 0.12], …] are for drawing only.
    """

    strategy = models.OneToOneField(Strategy, primary_key=True, on_delete=models.CASCADE, related_name="stats")
    as_of = models.DateTimeField()
    since = models.DateTimeField(null=True)
    growth = models.DecimalField(**SHARE)
    growth_year = models.DecimalField(**SHARE)
    growth_quarter = models.DecimalField(**SHARE)
    growth_month = models.DecimalField(**SHARE)
    growth_shown = models.DecimalField(**SHARE)  # since it was first shown to others
    drawdown = models.DecimalField(**SHARE)
    worst_day = models.DecimalField(**SHARE)
    sharpe = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    win_rate = models.DecimalField(**SHARE)
    profit_factor = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    trades = models.PositiveIntegerField(default=0)
    age_days = models.PositiveIntegerField(default=0)
    capital_minor = models.BigIntegerField(null=True)
    capital_currency = models.CharField(max_length=8, blank=True)
    copiers = models.PositiveIntegerField(null=True)
    judged = models.BooleanField(default=False)
    standing = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    months = models.JSONField(default=list)
    curve = models.JSONField(default=list)

    class Meta:
        db_table = "copying_stats"

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.as_of:%F %T}"

    @property
    def capital(self) -> Money | None:
        return None if self.capital_minor is None else Money(self.capital_minor, self.capital_currency)
