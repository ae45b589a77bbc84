"""Rates that people of the brokerage set, four eyes on each: for currencies no feed has, and for pegs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import pgettext_lazy

from ...models import Decision, ManualRate
from ...ports import Observation


class ManualSource:
    kind: ClassVar[str] = "manual"
    label: ClassVar[Any] = pgettext_lazy("rate source", "Set by hand")

    def due(self, newest: datetime | None, now: datetime) -> bool:
        return False  # an approval brings its rate along

    def fetch(self) -> Sequence[Observation]:
        rows = ManualRate.objects.filter(state=Decision.APPROVED, decided_at__isnull=False).order_by("decided_at")
        return [Observation(row.base, row.quote, row.mid, row.decided_at, row.pegged) for row in rows if row.decided_at]
