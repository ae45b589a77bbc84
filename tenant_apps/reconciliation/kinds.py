"""What a line of a provider's report is, and how it stands. Shared by the reader, which knows no database."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy


class LineKind(models.TextChoices):
    CHARGE = "charge", pgettext_lazy("report line", "Payment")
    REFUND = "refund", pgettext_lazy("report line", "Refund")
    CHARGEBACK = "chargeback", pgettext_lazy("report line", "Chargeback")
    REINSTATED = "reinstated", pgettext_lazy("report line", "Chargeback won")
    WITHDRAWAL = "withdrawal", pgettext_lazy("report line", "Paid to a client")
    FEE = "fee", pgettext_lazy("report line", "Fee")
    PAYOUT = "payout", pgettext_lazy("report line", "Paid out to our bank")
    OTHER = "other", pgettext_lazy("report line", "Something else")


class LineState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("report line state", "Not compared yet")
    MATCHED = "matched", pgettext_lazy("report line state", "Matched")
    DIFFERS = "differs", pgettext_lazy("report line state", "Amount differs")
    ONLY_THERE = "only_there", pgettext_lazy("report line state", "Only at the provider")
    FEE = "fee", pgettext_lazy("report line state", "Fee booked")
    SETTLED = "settled", pgettext_lazy("report line state", "Paid out")


# Money that leaves our balance at the provider, where a file tells amounts without a sign.
LEAVING = frozenset({LineKind.REFUND, LineKind.CHARGEBACK, LineKind.WITHDRAWAL, LineKind.FEE, LineKind.PAYOUT})
