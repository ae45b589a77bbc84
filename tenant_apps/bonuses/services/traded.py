"""How much was traded for bonuses, from the stored deals (`lots` says what counts and for which bonus).

The database adds the deals up between the moments at which a bonus of the account began or ended: within such a span every
bonus takes the same deals, so that only their sum matters, and a hundred thousand of them come as a few rows. Where bonuses
of one account take different symbols the order of the deals matters, and each is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from tenant_apps.trading.models import Deal

from ..lots import COUNTED_ENTRIES, ClosedDeal, Window, concerning, fill, spans
from ..models import Grant

KINDS = ("buy", "sell")
Deals = dict[UUID, list[ClosedDeal]]
_SUMS = """
    SELECT s.account_id, s.since, d.symbol, sum(coalesce(nullif(d.closed_lots, 0), d.lots))
      FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS s (account_id, since, until)
      JOIN trading_deal d ON d.account_id = s.account_id AND d.executed_at >= s.since
       AND (s.until IS NULL OR d.executed_at < s.until)
     WHERE d.kind = ANY(%s) AND d.entry = ANY(%s) AND d.deleted_at IS NULL
     GROUP BY 1, 2, 3"""


def progress(grants: Iterable[Grant], *, until: datetime | None = None) -> dict[UUID, Decimal]:
    """Lots done of each, as far as they count, over the deals since the oldest bonus that bears on one of them; of what was
    paid out the lots are known. With `until`, by the deals before it. Two queries however many grants, and a third where
    bonuses of one account differ in their symbols."""
    wanted = list(grants)
    known = {grant.pk: grant.lots_used for grant in wanted if grant.lots_used is not None}
    open_ones = {grant.pk for grant in wanted if grant.active_at is not None} - known.keys()
    accounts = {grant.account_id for grant in wanted if grant.pk in open_ones}
    rows = Grant.objects.filter(account_id__in=accounts, active_at__isnull=False).select_related("version")
    windows: dict[UUID, list[Window]] = defaultdict(list)
    for row in rows:
        needed = row.lots_used if row.lots_used is not None else row.lots_needed
        windows[row.account_id].append(
            Window(row.pk, row.active_at, _end(row, until), needed, tuple(row.version.symbols))  # type: ignore[arg-type]
        )
    windows = defaultdict(list, {key: found for key, one in windows.items() if (found := concerning(one, open_ones))})
    alike = {key for key, one in windows.items() if len({window.symbols for window in one}) == 1}
    deals = _summed({key: windows[key] for key in alike}) | _each({key: windows[key] for key in windows.keys() - alike})
    done: dict[UUID, Decimal] = {}
    for account_id, found in windows.items():
        done |= fill(found, deals.get(account_id, []))
    return {grant.pk: known.get(grant.pk) or done.get(grant.pk, Decimal(0)) for grant in wanted}


def _end(row: Grant, until: datetime | None) -> datetime | None:
    ends = [one for one in (row.ended_at, until) if one is not None]
    return min(ends, default=None)


def _summed(windows: Mapping[UUID, list[Window]]) -> Deals:
    """Per span and symbol one deal, as of the span's beginning. One statement."""
    rows = [(account_id, since, until) for account_id, one in windows.items() for since, until in spans(one)]
    found: Deals = defaultdict(list)
    if rows:
        with connection.cursor() as cursor:
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(_SUMS, [*columns, list(KINDS), list(COUNTED_ENTRIES)])
            for account_id, since, symbol, lots in cursor.fetchall():
                found[account_id].append(ClosedDeal(since, symbol, lots))
    return found


def _each(windows: Mapping[UUID, list[Window]]) -> Deals:
    """Deal by deal."""
    found: Deals = defaultdict(list)
    if not windows:
        return found
    start = min(window.start for one in windows.values() for window in one)
    rows = Deal.objects.filter(
        account_id__in=list(windows), executed_at__gte=start, kind__in=KINDS, entry__in=COUNTED_ENTRIES, deleted_at=None
    )
    for account_id, at, symbol, lots, closed in rows.values_list(
        "account_id", "executed_at", "symbol", "lots", "closed_lots"
    ):
        found[account_id].append(ClosedDeal(at, symbol, closed or lots))
    return found
