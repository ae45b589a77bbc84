"""Storing what was read. Each function is one transaction in the tenant's scope, safe to repeat with the same records.

Deals go in by COPY, those that are not there yet: what two bridges, an overlapping window or a second run bring again is not new.
Everything that follows from a deal (ledger, cases, events, watermark) follows from the rows that were new, in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from kernel import clock, locks
from kernel.events import publish_all
from kernel.money import Money
from tenant_apps.trading.bridge import alerts, posting
from tenant_apps.trading.bridge.records import (
    CLOSING,
    DEAL_COLUMNS,
    TRADES,
    AccountRef,
    PositionRow,
    Snapshot,
    deal_row,
    result_of,
)
from tenant_apps.trading.events import DealClosed
from tenant_apps.trading.models import TradingAccount, TradingServer, Watermark
from tenant_apps.trading.ports import Deal

OVERLAP = timedelta(seconds=60)
_COLUMNS = ", ".join(f'"{column}"' for column in DEAL_COLUMNS)


@dataclass(frozen=True, slots=True)
class Stored:
    """What was new, and when it was committed (real clock, seconds)."""

    new: tuple[Deal, ...]
    committed_at: datetime


def watermark(server_id: UUID) -> datetime:
    """Where reading begins: a little before the last deal read; for a new server, a little before now."""
    found = Watermark.objects.filter(server_id=server_id).values_list("deals_until", flat=True).first()
    return (found or clock.now()) - OVERLAP


def store_deals(
    server: TradingServer,
    deals: Sequence[Deal],
    accounts: Mapping[int, AccountRef],
    *,
    history: bool = False,
    advance: bool = True,
) -> Stored:
    """Store the deals of known accounts. `history`: an adopted account's past, which tells nobody anything. Without `advance`
    the watermark stays: of other accounts nobody has read as far."""
    ours = sorted((deal for deal in deals if deal.login in accounts), key=lambda deal: deal.deal)
    if not ours:
        return Stored((), clock.now())
    with transaction.atomic():
        new_ids = copy_new(server.pk, ours, accounts)
        new = tuple(deal for deal in ours if deal.deal in new_ids)
        if new:
            rows = _held({accounts[deal.login].id for deal in new})
            posting.post(server, new, accounts, rows)
            _touch(new, accounts)
            if not history:
                _publish(new, accounts)
                alerts.stop_outs(new, accounts)
        if advance and not history:
            _advance(server.pk, max(deal.executed_at for deal in ours))
    return Stored(new, clock.now())


def copy_new(server_id: UUID, deals: Sequence[Deal], accounts: Mapping[int, AccountRef]) -> set[int]:
    """The numbers of the deals that were not there, which now are. One transaction per server at a time, so that what
    was looked for and not found cannot come in between."""
    locks.hold(f"trading.deals:{server_id}")
    with connection.cursor() as cursor:
        cursor.execute(
            # One by one through the unique index: of many numbers at once PostgreSQL may read all deals of the server.
            "SELECT deal FROM unnest(%s::bigint[]) AS asked(number), LATERAL"
            " (SELECT deal FROM trading_deal WHERE server_id = %s AND deal = asked.number LIMIT 1) AS there",
            [[deal.deal for deal in deals], server_id],
        )
        known = {number for (number,) in cursor.fetchall()}
        new = {deal.deal: deal for deal in deals if deal.deal not in known}
        if new:
            now = clock.now()
            with cursor.copy(f"COPY trading_deal ({_COLUMNS}) FROM STDIN") as copy:
                for deal in new.values():
                    copy.write_row(deal_row(deal, server_id, accounts[deal.login], now))
    return set(new)


def _held(account_ids: Collection[UUID]) -> dict[UUID, TradingAccount]:
    """The accounts, locked before their ledger's as whoever moves money from or to them does, and in one order."""
    rows = TradingAccount.objects.select_related("server").filter(pk__in=account_ids).order_by("pk")
    return {row.pk: row for row in rows.select_for_update(of=("self",), no_key=True)}


def _touch(deals: Iterable[Deal], accounts: Mapping[int, AccountRef]) -> None:
    latest: dict[UUID, datetime] = {}
    for deal in deals:
        if deal.kind in TRADES:
            account_id = accounts[deal.login].id
            latest[account_id] = max(latest.get(account_id, deal.executed_at), deal.executed_at)
    if latest:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE trading_account a SET last_deal_at = greatest(coalesce(a.last_deal_at, v.at), v.at)"
                " FROM unnest(%s::uuid[], %s::timestamptz[]) AS v(id, at) WHERE a.id = v.id",
                [list(latest), list(latest.values())],
            )


def _publish(deals: Iterable[Deal], accounts: Mapping[int, AccountRef]) -> None:
    """One event for all that an account closed on one day: after a gap, or with robots, there are thousands of deals, and
    whoever listens looks at the account, not at each of them."""
    closed: dict[tuple[int, date], list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.kind in TRADES and deal.entry in CLOSING and accounts[deal.login].live:
            closed[deal.login, deal.executed_at.astimezone(UTC).date()].append(deal)
    publish_all((_closed(some, accounts[login]), _aggregate(accounts[login])) for (login, _), some in closed.items())


def _closed(deals: Sequence[Deal], account: AccountRef) -> DealClosed:
    return DealClosed(
        client_id=account.client_id,
        account_id=account.id,
        deals=len(deals),
        deal_id=deals[-1].deal,
        lots=sum((deal.closed_lots or deal.lots for deal in deals), Decimal(0)),
        profit=Money(sum(result_of(deal, account.currency) for deal in deals), account.currency),
        executed_at=max(deal.executed_at for deal in deals).isoformat(),
    )


def _aggregate(account: AccountRef) -> str:
    return f"trading.account:{account.id}"


def _advance(server_id: UUID, until: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_watermark (server_id, deals_until, updated_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (server_id) DO UPDATE SET updated_at = excluded.updated_at,"
            " deals_until = greatest(trading_watermark.deals_until, excluded.deals_until)",
            [server_id, until, clock.now()],
        )


def watermark_start(server_id: UUID) -> None:
    """Fix the beginning when a server is first followed, so that a crash before its first deal loses nothing."""
    Watermark.objects.get_or_create(server_id=server_id, defaults={"deals_until": clock.now()})


def history_synced(account_id: UUID) -> None:
    TradingAccount.objects.filter(pk=account_id).update(history_synced_at=clock.now())


def store_states(changed: Mapping[UUID, Snapshot], *, curve: bool) -> None:
    """Write the money columns of accounts, and with `curve` a point of their equity curves (one per minute)."""
    if not changed:
        return
    now = clock.now()
    ids, rows = list(changed), list(changed.values())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            # In the order in which everybody takes several of them.
            "WITH held AS MATERIALIZED"
            " (SELECT id FROM trading_account WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE)"
            " UPDATE trading_account a SET balance_minor = v.balance, credit_minor = v.credit, equity_minor = v.equity,"
            " margin_minor = v.margin, free_margin_minor = v.free, floating_minor = v.floating,"
            " margin_level = v.level, leverage = v.leverage, seen_at = %s"
            " FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],"
            " %s::bigint[], %s::numeric[], %s::int[])"
            " AS v(id, balance, credit, equity, margin, free, floating, level, leverage), held"
            " WHERE a.id = v.id AND held.id = a.id",
            [
                ids,
                now,
                ids,
                [row.balance for row in rows],
                [row.credit for row in rows],
                [row.equity for row in rows],
                [row.margin for row in rows],
                [row.free_margin for row in rows],
                [row.floating for row in rows],
                [row.margin_level for row in rows],
                [row.leverage for row in rows],
            ],
        )
        if curve:
            cursor.execute(
                "INSERT INTO trading_equity_point (account_id, at, balance_minor, equity_minor)"
                " SELECT v.id, %s, v.balance, v.equity"
                " FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS v(id, balance, equity)"
                " ON CONFLICT (account_id, at) DO UPDATE"
                " SET balance_minor = excluded.balance_minor, equity_minor = excluded.equity_minor",
                [
                    now.replace(second=0, microsecond=0),
                    ids,
                    [row.balance for row in rows],
                    [row.equity for row in rows],
                ],
            )


def store_positions(server_id: UUID, changed: Sequence[PositionRow], gone: Sequence[int]) -> None:
    """Write changed positions and remove closed ones."""
    if not changed and not gone:
        return
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        if gone:
            cursor.execute(
                "DELETE FROM trading_position WHERE server_id = %s AND position = ANY(%s::bigint[])",
                [server_id, list(gone)],
            )
        if changed:
            cursor.execute(
                "INSERT INTO trading_position (server_id, account_id, position, symbol, side, lots, price_open,"
                " price_current, stop_loss, take_profit, profit_minor, swap_minor, notional_minor, currency, opened_at,"
                " seen_at)"
                " SELECT %s, v.*, %s FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::numeric[],"
                " %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::bigint[], %s::bigint[], %s::bigint[],"
                " %s::text[], %s::timestamptz[]) AS v"
                " ON CONFLICT (server_id, position) DO UPDATE SET lots = excluded.lots,"
                " price_open = excluded.price_open, price_current = excluded.price_current,"
                " stop_loss = excluded.stop_loss, take_profit = excluded.take_profit, side = excluded.side,"
                " profit_minor = excluded.profit_minor, swap_minor = excluded.swap_minor,"
                " notional_minor = excluded.notional_minor, seen_at = excluded.seen_at",
                [
                    server_id,
                    now,
                    [row.account_id for row in changed],
                    [row.position for row in changed],
                    [row.symbol for row in changed],
                    [row.side for row in changed],
                    [row.lots for row in changed],
                    [row.price_open for row in changed],
                    [row.price_current for row in changed],
                    [row.stop_loss for row in changed],
                    [row.take_profit for row in changed],
                    [row.profit for row in changed],
                    [row.swap for row in changed],
                    [row.notional for row in changed],
                    [row.currency for row in changed],
                    [row.opened_at for row in changed],
                ],
            )
