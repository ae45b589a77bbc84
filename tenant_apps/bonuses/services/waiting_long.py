"""Bonuses that were earned and wait to be paid out: for a frozen wallet, a server that lags, a move under way."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from ..models import Grant, GrantState
from .traded import progress


def earned_before(moment: datetime) -> list[Grant]:
    """Standing bonuses for which enough had been traded at an instant already, the oldest first. Four queries at most.

    The sweep ends those that are lost all the same; what is here for long waits for something that a person has to mend.
    """
    rows = Grant.objects.filter(
        state=GrantState.ACTIVE, credit_minor__gt=0, active_at__lte=moment, account__last_deal_at__gte=F("active_at")
    )
    found = list(rows.select_related("version").order_by("active_at", "pk"))
    done = progress(found, until=moment)
    return [row for row in found if done[row.pk] >= row.lots_needed]
