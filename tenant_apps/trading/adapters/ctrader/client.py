"""The trading port over cTrader's Manager's API and WebServices."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from tenant_apps.trading.adapters.sockets import Connector, connect_directly
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import (
    Account,
    AccountChange,
    AccountState,
    BalanceOperation,
    BalanceResult,
    Copies,
    Deal,
    GroupInfo,
    Heard,
    NewAccount,
    PasswordKind,
    Position,
    ServerInfo,
    SymbolInfo,
    Ticks,
)

from . import records, wire
from .accounts import Accounts
from .cash import Cash
from .config import CTraderConfig
from .ctid import Ctid
from .history import History
from .listening import Listening
from .parts import Parts
from .standing import Standing
from .values import moment, need


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CTraderPlatform:
    """`PushingPlatform` for one cTrader environment. Belongs to the event loop in which it is first used.

    `connect` opens TCP sockets (the place for a guard against private networks); `now` is the time in UTC by the clock the
    server goes by: a demonstration that moves its servers' clock gives that one.
    """

    def __init__(
        self,
        config: CTraderConfig,
        *,
        connect: Connector = connect_directly,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._config = config
        self._parts = Parts.made(config, connect=connect, now=now)
        self._accounts = Accounts(self._parts)
        self._history = History(self._parts)
        self._standing = Standing(self._parts)
        self._cash = Cash(self._parts, self._history, self._standing)
        self._listening = Listening(self._parts)

    @property
    def server(self) -> str:
        return self._config.server

    @property
    def quiet_period(self) -> timedelta:
        return self._config.quiet_period

    @property
    def ctid(self) -> Ctid:
        """cTrader IDs, which no other platform has."""
        return self._accounts.ctid

    async def connect(self) -> None:
        await self.server_info()

    async def close(self) -> None:
        await self._parts.link.close()
        await self._parts.web.close()

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def server_info(self) -> ServerInfo:
        """The wire has UTC, so there is no offset; what remains between the clocks must be small."""
        before = self._parts.now()
        with self._parts.decoding("server time"):
            shown = moment(need(await self._parts.link.ask(wire.SERVER_TIME), "time"))
        after = self._parts.now()
        taken_at = before + (after - before) / 2
        skew = shown - taken_at
        if abs(skew) > self._config.max_clock_skew:
            raise PlatformUnavailable(f"the server's clock differs from ours by {skew}", server=self.server)
        return ServerInfo(
            name=f"{self._config.plant} {self._config.environment}",
            owner=self._config.broker,
            build=await self._version(),
            utc_offset=timedelta(0),
            clock_skew=skew,
            zone_agrees=None,
            measured_at=taken_at,
        )

    async def _version(self) -> str:
        try:
            return str((await self._parts.link.ask(wire.VERSION)).version)
        except PlatformRejected:  # nothing depends on it
            return ""

    # --- accounts

    async def account_open(self, account: NewAccount) -> Account:
        return await self._accounts.open(account)

    async def opening_check(self) -> None:
        await self._accounts.opening_check()

    async def account_open_find(self, group: str, external_id: str) -> Account | None:
        with self._parts.decoding("groups"):
            return await self._accounts.find(group, external_id)

    async def account_get(self, login: int) -> Account:
        return await self._accounts.get(login)

    async def account_update(self, login: int, change: AccountChange) -> Account:
        return await self._accounts.update(login, change)

    async def password_change(self, login: int, kind: PasswordKind, password: str) -> None:
        await self._accounts.password_change(login, kind, password)

    async def password_check(self, login: int, kind: PasswordKind, password: str) -> bool:
        return await self._accounts.password_check(login, kind, password)

    async def copies(self, login: int) -> Copies:
        with self._parts.decoding("copies"):
            return await self._standing.copies(login)

    async def account_states(self, *, logins: Collection[int] = (), group: str = "") -> tuple[AccountState, ...]:
        with self._parts.decoding("account states"):
            return await self._standing.states(logins=logins, group=group)

    # --- money

    async def balance_operation(self, operation: BalanceOperation) -> BalanceResult:
        return await self._cash.move(operation)

    async def balance_operation_find(self, login: int, operation_id: str, since: datetime) -> BalanceResult | None:
        return await self._cash.find(login, operation_id, since)

    # --- history and positions

    async def deals(
        self, since: datetime, until: datetime, *, logins: Collection[int] = (), group: str = ""
    ) -> tuple[Deal, ...]:
        with self._parts.decoding("deals"):
            return await self._history.deals(since, until, await self._history.scope(logins, group))

    async def deals_of(self, login: int, since: datetime, until: datetime) -> tuple[Deal, ...]:
        return await self.deals(since, until, logins=[login])

    async def positions(self, *, logins: Collection[int] = (), group: str = "") -> tuple[Position, ...]:
        with self._parts.decoding("positions"):
            return await self._standing.positions(logins=logins, group=group)

    # --- the server's own settings and prices

    async def groups(self, mask: str = "*") -> tuple[GroupInfo, ...]:
        with self._parts.decoding("groups"):
            contents = await self._parts.catalogue.contents(max_age=0)
            assets = {asset.name: asset for asset in contents.assets.values()}
            found = [records.group_from(one, self._config, assets) for one in contents.groups_like(mask).values()]
        return tuple(sorted(found, key=lambda group: group.name))

    async def symbols(self, names: Collection[str] | None = None) -> tuple[SymbolInfo, ...]:
        with self._parts.decoding("symbols"):
            contents = await self._parts.catalogue.contents()
            wanted = sorted(contents.by_name if names is None else set(names))
            unknown = [name for name in wanted if name not in contents.by_name]
            if unknown:
                contents = await self._parts.catalogue.contents(max_age=1.0)
                unknown = [name for name in unknown if name not in contents.by_name]
            if unknown:
                raise self._parts.refused(f"no symbol {', '.join(unknown)}", Rejection.NOT_FOUND)
            assets = dict(contents.assets)
            return tuple(records.symbol_from(contents.by_name[name], self._config, assets) for name in wanted)

    async def ticks(self, symbols: Collection[str], cursor: int = 0) -> Ticks:
        """`cursor` is ours, and of this object only."""
        if not symbols:
            return Ticks((), cursor)
        with self._parts.decoding("prices"):
            contents = await self._parts.catalogue.contents()
            wanted = [contents.by_name[name] for name in sorted(set(symbols)) if name in contents.by_name]
            spots = await self._parts.prices.latest([one.symbol_id for one in wanted])
            reached = self._parts.prices.number
            fresh = [one for one in wanted if one.symbol_id in spots and spots[one.symbol_id].number > cursor]
            return Ticks(tuple(records.tick_from(one, spots[one.symbol_id]) for one in fresh), reached)

    # --- what the server tells by itself

    def listen(self) -> AsyncIterator[Heard]:
        return self._listening.listen()
