"""Who is behind a login. The Manager's API counts accounts by ids of its own; outside this module there are logins."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tenant_apps.trading.errors import PlatformRejected, Rejection

from . import manager_pb2 as pb
from . import wire
from .config import CTraderConfig
from .link import Link
from .paging import windowed
from .values import Malformed, milliseconds, need
from .web import Fields, Request, Web
from .wire import Incoming

BATCH = 200
REMEMBERED = 200_000
SECONDS_UNTIL = 100_000_000_000  # times on the web are in milliseconds or in seconds: below this, seconds
AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """What rarely changes of an account."""

    trader_id: int
    login: int
    group_id: int
    asset_id: int


class Book:
    """A `Hearer`. Logins and ids never change; groups do, and then we are told."""

    def __init__(self, config: CTraderConfig, link: Link, web: Web, now: Callable[[], datetime]) -> None:
        self._config = config
        self._link = link
        self._web = web
        self._now = now
        self._known: dict[int, tuple[float, Known]] = {}
        self._ids: dict[int, int] = {}
        self._absent: dict[int, float] = {}
        link.hearers.append(self)

    def connected(self) -> None:
        self._known.clear()  # changes may have been missed

    def heard(self, incoming: Incoming) -> None:
        if incoming.number != wire.TRADER_CHANGED:
            return
        try:
            self._learn([wire.read(pb.TraderChanged, incoming.payload).trader])
        except Malformed:
            self._known.clear()

    def _learn(self, traders: Iterable[pb.Trader]) -> None:
        if len(self._ids) > REMEMBERED:
            self._ids.clear()
            self._known.clear()
        until = asyncio.get_running_loop().time() + self._config.identity_seconds
        for trader in traders:
            known = Known(need(trader, "trader_id"), need(trader, "login"), trader.group_id, trader.deposit_asset_id)
            self._ids[known.login] = known.trader_id
            self._absent.pop(known.login, None)
            if known.asset_id:
                self._known[known.trader_id] = (until, known)
            else:
                self._known.pop(known.trader_id, None)  # told in part: to be read

    # --- one account

    async def trader(self, login: int) -> pb.Trader:
        """The account as it is now. Raises PlatformRejected (NOT_FOUND)."""
        if login not in self._ids:
            return await self._find(login)
        found = await self._read([self._ids[login]])
        if not found:
            raise self._missing(login)
        return found[0]

    async def id_of(self, login: int) -> int:
        """Raises PlatformRejected (NOT_FOUND)."""
        if login not in self._ids:
            await self._find(login)
        return self._ids[login]

    async def _find(self, login: int) -> pb.Trader:
        """By the time of registration, which WebServices tell of a login: the Manager's API finds accounts by it."""
        answer = await self._web.call(Request("GET", f"{self._config.web_base}/webserv/traders/{login}"))
        registered = Fields(answer).integer("registrationTimestamp")
        if registered < SECONDS_UNTIL:
            registered *= 1000
        for trader in await self._list(registered - 1000, registered + 2000):
            if trader.login == login:
                return trader
        raise self._missing(login)

    def _missing(self, login: int) -> PlatformRejected:
        return PlatformRejected(f"no account {login}", name=Rejection.NOT_FOUND, server=self._config.server)

    # --- many

    async def traders(self, logins: Collection[int]) -> list[pb.Trader]:
        """The accounts as they are now, without logins that do not exist. Those are not looked for again at every call."""
        time = asyncio.get_running_loop().time()
        unknown = [login for login in logins if login not in self._ids and self._absent.get(login, 0.0) < time]
        if len(unknown) > self._config.lookups:
            await self.everybody()
        elif unknown:
            await asyncio.gather(*(self._find_quietly(login) for login in unknown))
        until = time + self._config.identity_seconds
        self._absent.update(dict.fromkeys((login for login in unknown if login not in self._ids), until))
        return await self._read([self._ids[login] for login in logins if login in self._ids])

    async def _find_quietly(self, login: int) -> None:
        try:
            await self._find(login)
        except PlatformRejected as refused:
            if refused.name is not Rejection.NOT_FOUND:
                raise

    async def everybody(self, group_id: int | None = None) -> list[pb.Trader]:
        """All accounts, or those of a group, as they are now."""
        return await self._list(0, milliseconds(self._now() + AHEAD), group_id)

    async def known(self, trader_ids: Collection[int]) -> dict[int, Known]:
        """Without ids that do not exist, or no longer."""
        time = asyncio.get_running_loop().time()
        missing = [one for one in trader_ids if one not in self._known or self._known[one][0] < time]
        await self._read(missing)
        return {one: self._known[one][1] for one in trader_ids if one in self._known}

    async def _read(self, trader_ids: Collection[int]) -> list[pb.Trader]:
        wanted = sorted(set(trader_ids))
        found: list[pb.Trader] = []
        for start in range(0, len(wanted), BATCH):
            found += await self._by_id(wanted[start : start + BATCH])
        alive = [trader for trader in found if not trader.deleted]
        self._learn(alive)
        return alive

    async def _by_id(self, trader_ids: list[int]) -> list[pb.Trader]:
        """One that does not exist may spoil the answer for all of them; then they are asked for apart."""
        try:
            return list((await self._link.ask(wire.TRADERS_BY_ID, pb.TraderByIdReq(trader_id=trader_ids))).trader)
        except PlatformRejected as refused:
            if refused.name is not Rejection.NOT_FOUND:
                raise
        if len(trader_ids) == 1:
            return []
        middle = len(trader_ids) // 2
        return [*await self._by_id(trader_ids[:middle]), *await self._by_id(trader_ids[middle:])]

    async def _list(self, since: int, until: int, group_id: int | None = None) -> list[pb.Trader]:
        async def page(start: int, end: int) -> tuple[list[pb.Trader], bool]:
            wish = pb.TraderListReq(since=start, until=end)
            if group_id is not None:
                wish.group_id = group_id
            answer = await self._link.ask(wire.TRADERS, wish)
            return list(answer.trader), answer.has_more

        rows = await windowed(page, since, until)
        unique = {need(trader, "trader_id"): trader for trader in rows if not trader.deleted}
        self._learn(unique.values())
        return list(unique.values())
