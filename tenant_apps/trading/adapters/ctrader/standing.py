"""What is open and what accounts are worth now."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from decimal import Decimal

from tenant_apps.trading.errors import PlatformRejected, Rejection
from tenant_apps.trading.ports import AccountState, Amount, Copies, Position

from . import manager_pb2 as pb
from . import records, wire
from .paging import windowed
from .parts import Parts
from .traders import Known
from .values import Malformed, milliseconds, money, need
from .web import Fields, Request

AHEAD = timedelta(days=1)
MARGIN_SUM, MARGIN_NET = 1, 2  # of totalMarginCalculationType; 0 is MAX


class Standing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config

    # --- positions

    async def positions(self, *, logins: Collection[int] = (), group: str = "") -> tuple[Position, ...]:
        """Raises Malformed."""
        open_now = await self._open(logins, group)
        known = await self._parts.book.known({one.trade.trader_id for one in open_now})
        wanted = await self._filter(known, logins, group)
        return await self._priced([one for one in open_now if one.trade.trader_id in wanted], known)

    async def _filter(self, known: dict[int, Known], logins: Collection[int], group: str) -> set[int]:
        if logins:
            return {one.trader_id for one in known.values() if one.login in set(logins)}
        contents = await self._parts.catalogue.knowing(groups={one.group_id for one in known.values()})
        within = contents.groups_like(group)
        return {one.trader_id for one in known.values() if one.group_id in within}

    async def _open(self, logins: Collection[int], group: str) -> list[pb.Position]:
        if bool(logins) == bool(group):
            raise ValueError("either logins or a group mask")
        if group or len(logins) > self._config.lookups:
            return await self._list(None)
        traders = await self._parts.book.traders(logins)
        lists = await asyncio.gather(*(self._list(need(trader, "trader_id")) for trader in traders))
        return [one for rows in lists for one in rows]

    async def _list(self, trader_id: int | None) -> list[pb.Position]:
        async def page(start: int, end: int) -> tuple[list[pb.Position], bool]:
            wish = pb.PositionListReq(since=start, until=end)
            if trader_id is not None:
                wish.trader_id = trader_id
            answer = await self._parts.link.ask(wire.POSITIONS, wish)
            return list(answer.position), answer.has_more

        rows = await windowed(page, 0, milliseconds(self._parts.now() + AHEAD))
        if trader_id is not None:
            for row in rows:
                row.trade.trader_id = trader_id  # asked by it, the server need not repeat it
        unique = {need(row, "position_id"): row for row in rows if row.status == records.OPEN}
        return list(unique.values())

    async def _priced(self, rows: Iterable[pb.Position], known: dict[int, Known]) -> tuple[Position, ...]:
        listed = list(rows)
        if not listed:
            return ()
        contents = await self._parts.catalogue.knowing(symbols={row.trade.symbol_id for row in listed})
        spots = await self._parts.prices.latest({row.trade.symbol_id for row in listed})
        pairs = {
            row.position_id: (
                contents.instrument(row.trade.symbol_id).quote,
                known[row.trade.trader_id].asset_id,
            )
            for row in listed
        }
        rates = await self._parts.prices.rates(pairs.values())
        found = []
        for row in listed:
            one, pair = contents.instrument(row.trade.symbol_id), pairs[row.position_id]
            found.append(
                records.position_from(
                    row,
                    one,
                    known[row.trade.trader_id].login,
                    self._config.server,
                    spots.get(one.symbol_id),
                    rates.get(pair),
                    contents.asset(pair[1]),
                )
            )
        return tuple(sorted(found, key=lambda position: position.position))

    # --- money

    async def states(self, *, logins: Collection[int] = (), group: str = "") -> tuple[AccountState, ...]:
        """A few by WebServices, which have the server's own figures but must not be polled; more are worked out.

        Raises Malformed.
        """
        if bool(logins) == bool(group):
            raise ValueError("either logins or a group mask")
        if logins and len(set(logins)) <= self._config.states_by_web:
            found = await asyncio.gather(*(self._state_by_web(login) for login in sorted(set(logins))))
            return tuple(state for state in found if state is not None)
        return await self._worked_out(logins, group)

    async def _state_by_web(self, login: int) -> AccountState | None:
        request = Request("GET", f"{self._config.web_base}/webserv/traders/{login}")
        try:
            fields = Fields(await self._parts.web.call(request))
        except PlatformRejected as refused:
            if refused.name is Rejection.NOT_FOUND:
                return None
            raise
        contents = await self._parts.catalogue.contents()
        for asset in contents.assets.values():
            if asset.name == fields.text("depositCurrency"):
                return records.state_from_web(fields, self._config, asset, self._parts.now())
        raise Malformed(f"no asset {fields.text('depositCurrency')}")

    async def copies(self, login: int) -> Copies:
        """Copy's sub-accounts of a trader: amounts in minor units of the trader's own asset. Raises Malformed."""
        traders = await self._parts.book.traders([login])
        if not traders:
            raise self._parts.refused(f"no trader {login}", Rejection.NOT_FOUND)
        request = Request("GET", f"{self._config.web_base}/webserv/traders/{login}/subaccounts")
        fields = Fields(await self._parts.web.call(request))
        below = Fields(fields.raw.get("subAccountLogins") or {}).raw.get("login") or []
        # A total that is not told is not zero: it would be taken for a loss of everything.
        balance, equity = (
            fields.integer(name, None if below else 0) for name in ("totalSubAccountsBalance", "totalSubAccountsEquity")
        )
        if not isinstance(below, list) or (not below and balance):
            raise Malformed("subAccountLogins")
        digits = fields.integer("moneyDigits", need(traders[0], "money_digits"))
        return Copies(
            login=login,
            accounts=len(below),
            balance=Amount(money(balance, digits)),
            equity=Amount(money(equity, digits)),
        )

    async def _worked_out(self, logins: Collection[int], group: str) -> tuple[AccountState, ...]:
        # Positions first: one opened in between is missing in both its margin and its result.
        rows = await self._open(logins, group)
        traders = await self._whose(logins, group)
        members = {need(trader, "trader_id") for trader in traders}
        known = await self._parts.book.known(members)
        within = [row for row in rows if row.trade.trader_id in known]
        worth = {one.position: one for one in await self._priced(within, known)}
        floating: defaultdict[int, Decimal] = defaultdict(Decimal)
        held: defaultdict[int, list[pb.Position]] = defaultdict(list)
        for row in within:
            costs = money(row.swap + row.commission, row.money_digits)
            floating[row.trade.trader_id] += worth[row.position_id].profit + costs
            held[row.trade.trader_id].append(row)
        contents = await self._parts.catalogue.contents()
        read_at = self._parts.now()
        return tuple(
            records.state_from(
                trader,
                self._config,
                contents.asset(trader.deposit_asset_id),
                floating[trader.trader_id],
                _margin(held[trader.trader_id], trader.margin_calculation),
                read_at,
            )
            for trader in sorted(traders, key=lambda one: one.login)
        )

    async def _whose(self, logins: Collection[int], group: str) -> list[pb.Trader]:
        if logins:
            return await self._parts.book.traders(logins)
        contents = await self._parts.catalogue.contents()
        within = contents.groups_like(group)
        lists = await asyncio.gather(*(self._parts.book.everybody(group_id) for group_id in within))
        unique = {trader.trader_id: trader for rows in lists for trader in rows if trader.group_id in within}
        return list(unique.values())


def _margin(rows: Iterable[pb.Position], calculation: int) -> Decimal:
    """Of one account: what hedges each other counts once (MAX), both (SUM) or only in what is left over (NET)."""
    sides: defaultdict[int, dict[int, Decimal]] = defaultdict(
        lambda: {records.BUY: Decimal(0), records.SELL: Decimal(0)}
    )
    for row in rows:
        sides[row.trade.symbol_id][row.trade.side] += money(row.used_margin, row.money_digits)
    pairs = [(one[records.BUY], one[records.SELL]) for one in sides.values()]
    if calculation == MARGIN_SUM:
        return sum((bought + sold for bought, sold in pairs), Decimal(0))
    if calculation == MARGIN_NET:
        return sum((abs(bought - sold) for bought, sold in pairs), Decimal(0))
    return sum((max(pair) for pair in pairs), Decimal(0))
