"""What happened: trades and both histories of money, as deals."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tenant_apps.trading.ports import Deal

from . import ledger, records, wire
from . import manager_pb2 as pb
from .paging import windowed
from .parts import Parts
from .values import milliseconds, need
from .wire import Kind


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose history: of these accounts, or of all of these groups."""

    trader_ids: frozenset[int] | None
    group_ids: frozenset[int] = frozenset()


class History:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config

    async def scope(self, logins: Collection[int], group: str) -> Scope:
        """Raises ValueError unless exactly one is given. Logins that do not exist are left out."""
        if bool(logins) == bool(group):
            raise ValueError("either logins or a group mask")
        if logins:
            traders = await self._parts.book.traders(logins)
            return Scope(frozenset(need(trader, "trader_id") for trader in traders))
        contents = await self._parts.catalogue.contents()
        return Scope(None, frozenset(contents.groups_like(group)))

    async def deals(self, since: datetime, until: datetime, scope: Scope) -> tuple[Deal, ...]:
        """All with since <= executed_at < until, by time and number. Raises Malformed."""
        if not (scope.trader_ids or scope.group_ids):
            return ()
        trades, changes, bonuses = await asyncio.gather(
            self._trades(since - self._config.deal_margin, until, scope),
            self.balance_changes(since, until, scope),
            self.bonus_changes(since, until, scope),
        )
        logins = await self._logins([*trades, *changes, *bonuses], scope)
        found = [
            *await self._as_deals(trades, logins),
            *(
                ledger.deal_of(one, logins[one.trader_id], self._config.server, self._config.correction_source)
                for one in changes
                if one.trader_id in logins and not ledger.is_trade(one)
            ),
            *(
                ledger.deal_of_bonus(one, logins[one.trader_id], self._config.server)
                for one in bonuses
                if one.trader_id in logins
            ),
        ]
        unique = {deal.deal: deal for deal in found if since <= deal.executed_at < until}
        return tuple(sorted(unique.values(), key=lambda deal: (deal.executed_at, deal.deal)))

    async def _logins(self, rows: Iterable[Any], scope: Scope) -> dict[int, int]:
        """Trader id -> login of those within the scope."""
        known = await self._parts.book.known({row.trader_id for row in rows})
        return {
            one.trader_id: one.login
            for one in known.values()
            if (one.trader_id in scope.trader_ids if scope.trader_ids is not None else one.group_id in scope.group_ids)
        }

    async def _as_deals(self, trades: list[pb.Deal], logins: dict[int, int]) -> list[Deal]:
        done = [
            deal
            for deal in trades
            if deal.status in records.FILLED and deal.filled_volume > 0 and deal.trader_id in logins
        ]
        contents = await self._parts.catalogue.knowing(symbols={deal.symbol_id for deal in done})
        return [
            records.deal_from(deal, contents.instrument(deal.symbol_id), logins[deal.trader_id], self._config.server)
            for deal in done
        ]

    # --- the three lists

    async def _trades(self, since: datetime, until: datetime, scope: Scope) -> list[pb.Deal]:
        async def page(start: int, end: int) -> tuple[list[pb.Deal], bool]:
            wish = pb.DealListReq(since=start, until=end)
            if scope.trader_ids is not None and len(scope.trader_ids) <= self._config.lookups:
                wish.trader_id.extend(sorted(scope.trader_ids))
            wish.group_id.extend(sorted(scope.group_ids))
            answer = await self._parts.link.ask(wire.DEALS, wish)
            return list(answer.deal), answer.has_more

        return await windowed(page, milliseconds(since), milliseconds(until) + 1)

    async def balance_changes(self, since: datetime, until: datetime, scope: Scope) -> list[pb.BalanceChange]:
        return await self._changes(wire.BALANCE_HISTORY, since, until, scope)

    async def bonus_changes(self, since: datetime, until: datetime, scope: Scope) -> list[pb.BonusChange]:
        return await self._changes(wire.BONUS_HISTORY, since, until, scope)

    async def _changes(self, kind: Kind, since: datetime, until: datetime, scope: Scope) -> list[Any]:
        """Of one account, or of all: the server knows nothing between. A few are asked for apart."""

        def of(trader_id: int | None) -> Callable[[int, int], Awaitable[tuple[list[Any], bool]]]:
            async def page(start: int, end: int) -> tuple[list[Any], bool]:
                wish = pb.HistoryReq(since=start, until=end)
                if trader_id is not None:
                    wish.trader_id = trader_id
                answer = await self._parts.link.ask(kind, wish)
                return list(answer.change), answer.has_more

            return page

        few = scope.trader_ids is not None and len(scope.trader_ids) <= self._config.lookups
        wanted: list[int | None] = [*scope.trader_ids] if few and scope.trader_ids is not None else [None]
        window = (milliseconds(since), milliseconds(until) + 1)
        lists = await asyncio.gather(*(windowed(of(one), *window) for one in wanted))
        unique = {need(row, "id"): row for rows in lists for row in rows}
        return list(unique.values())
