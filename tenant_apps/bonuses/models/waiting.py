"""Deposits whose bonus waits for the trading server's next word about the account."""

from __future__ import annotations

from django.db import models

from kernel.models import Entity
from tenant_apps.payments.models import Deposit
from tenant_apps.trading.models import Transfer


class Waiting(Entity):
    """The money has arrived, but what open positions have lost is not known yet. Judged and removed by the sweep."""

    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT, related_name="+")
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "bonuses_waiting"
        indexes = [models.Index(fields=["updated_at"], name="bonuses_waiting_oldest")]

    def __str__(self) -> str:
        return str(self.transfer_id)
