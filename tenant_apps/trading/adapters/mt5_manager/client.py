"""The trading port over a service beside MT5's Manager API."""

import secrets
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from tenant_apps.trading.adapters.sockets import Connector, connect_directly
from tenant_apps.trading.errors import DuplicateOperation, PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import (
    Account,
    AccountChange,
    AccountState,
    BalanceOperation,
    BalanceResult,
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

from . import accounts, records
from .config import Mt5ManagerConfig
from .link import Link
from .listening import Listening
from .paging import Pages
from .values import Malformed, decimal_text, moment_after, moment_text


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Mt5ManagerPlatform:
    """`PushingPlatform` for one MT5 server. Belongs to the event loop in which it is first used.

    `connect` opens TCP sockets (the place for a guard against private networks); `now` is the time in UTC by the clock the
    server goes by: a demonstration that moves its servers' clock gives that one.
    """

    def __init__(
        self,
        config: Mt5ManagerConfig,
        *,
        connect: Connector = connect_directly,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._config = config
        self._now = now
        self._link = Link(config, connector=connect, now=now)
        self._pages = Pages(config, self._link)
        self._listening = Listening(config, self._link)

    @property
    def server(self) -> str:
        return self._config.server

    @property
    def quiet_period(self) -> timedelta:
        return self._config.quiet_period

    async def connect(self) -> None:
        await self.server_info()

    async def close(self) -> None:
        await self._link.close()

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
        await self._link.session()  # so that a log-in is not measured as distance between the clocks
        before = self._now()
        answer = await self._link.ask("server.info")
        taken_at = before + (self._now() - before) / 2
        with self._link.decoding("server.info"):
            info = records.server_from(answer, taken_at)
        if abs(info.clock_skew) > self._config.max_clock_skew:
            raise PlatformUnavailable(f"the server's clock differs from ours by {info.clock_skew}", server=self.server)
        return info

    # --- accounts

    async def account_open(self, account: NewAccount) -> Account:
        attempted_at, args = self._now(), {"account": accounts.new_account(account)}
        answer = await self._link.change("accounts.open", args, operation=account.external_id)
        try:
            return records.account_from(answer.record("account"))
        except Malformed as error:
            raise self._link.unknown(f"accounts.open: {error}", attempted_at) from error

    async def account_open_find(self, group: str, external_id: str) -> Account | None:
        answer = await self._link.ask("accounts.find", {"group": group, "external_id": external_id})
        with self._link.decoding("accounts.find"):
            found = [records.account_from(one) for one in answer.records("accounts")]
        if len(found) > 1:
            raise DuplicateOperation(external_id, tuple(account.login for account in found), server=self.server)
        return found[0] if found else None

    async def account_get(self, login: int) -> Account:
        answer = await self._link.ask("accounts.get", {"login": login})
        with self._link.decoding("accounts.get"):
            return records.account_from(answer.record("account"))

    async def account_update(self, login: int, change: AccountChange) -> Account:
        before = await self.account_get(login)
        changes = accounts.wanted(before, change)
        if not changes:
            return before
        args = {"login": login, "changes": changes}
        await self._link.change("accounts.update", args, operation=secrets.token_hex(16))
        after = await self.account_get(login)
        accounts.check(before, after, changes, server=self.server)
        return after

    async def password_change(self, login: int, kind: PasswordKind, password: str) -> None:
        args = {"login": login, "kind": kind.value, "password": password}
        await self._link.change("accounts.password", args, operation=secrets.token_hex(16))

    async def password_check(self, login: int, kind: PasswordKind, password: str) -> bool:
        args = {"login": login, "kind": kind.value, "password": password}
        answer = await self._link.ask("accounts.check_password", args)
        with self._link.decoding("accounts.check_password"):
            return answer.flag("matches")

    async def account_states(self, *, logins: Collection[int] = (), group: str = "") -> tuple[AccountState, ...]:
        with self._link.decoding("accounts.states"):
            rows = await self._pages.of_accounts("accounts.states", "states", logins, group)
            read_at = self._now()
            unique = {row.integer("login"): records.state_from(row, read_at) for row in rows}
        return tuple(unique[login] for login in sorted(unique))

    # --- money

    async def balance_operation(self, operation: BalanceOperation) -> BalanceResult:
        problem = operation.problem()
        if problem is not None:
            raise PlatformRejected(problem, name=Rejection.COMMENT_UNUSABLE, server=self.server)
        if not operation.amount.is_finite() or not operation.amount:
            raise PlatformRejected("an amount other than zero", name=Rejection.INVALID_DATA, server=self.server)
        args = {
            "login": operation.login,
            "kind": operation.kind.value,
            "amount": decimal_text(operation.amount),
            "comment": operation.comment,
            "check_margin": operation.check_margin,
        }
        attempted_at = self._now()
        answer = await self._link.change("balance.apply", args, operation=operation.operation_id)
        try:
            deal = records.deal_from(answer.record("deal"), self.server)
        except Malformed as error:
            raise self._link.unknown(f"balance.apply: {error}", attempted_at) from error
        done = records.movement_from(deal, operation.operation_id)
        if done is None or (done.login, done.amount, done.kind) != (operation.login, operation.amount, operation.kind):
            raise self._link.unknown(f"balance.apply: answered with another deal, {deal.deal}", attempted_at)
        return done

    async def balance_operation_find(self, login: int, operation_id: str, since: datetime) -> BalanceResult | None:
        args = {"login": login, "operation": operation_id, "since": moment_text(since - self._config.found_margin)}
        answer = await self._link.ask("balance.find", args)
        with self._link.decoding("balance.find"):
            deals = [records.deal_from(one, self.server) for one in answer.records("deals")]
            state = answer.text("state")
        found = [done for deal in deals if (done := records.movement_from(deal, operation_id)) is not None]
        if len(found) > 1:
            raise DuplicateOperation(operation_id, tuple(one.deal for one in found), server=self.server)
        if not found and state not in ("none", "done"):
            raise PlatformUnavailable(f"operation {operation_id} is {state}", server=self.server)
        return found[0] if found else None

    # --- history and positions

    async def deals(
        self, since: datetime, until: datetime, *, logins: Collection[int] = (), group: str = ""
    ) -> tuple[Deal, ...]:
        window = {"since": moment_text(since), "until": moment_after(until)}
        with self._link.decoding("deals.list"):
            rows = await self._pages.of_accounts("deals.list", "deals", logins, group, window)
            decoded = [records.deal_from(row, self.server) for row in rows]
        unique = {deal.deal: deal for deal in decoded if since <= deal.executed_at < until}
        return tuple(sorted(unique.values(), key=lambda deal: (deal.executed_at, deal.deal)))

    async def deals_of(self, login: int, since: datetime, until: datetime) -> tuple[Deal, ...]:
        return await self.deals(since, until, logins=[login])

    async def positions(self, *, logins: Collection[int] = (), group: str = "") -> tuple[Position, ...]:
        with self._link.decoding("positions.list"):
            rows = await self._pages.of_accounts("positions.list", "positions", logins, group)
            unique = {row.integer("position"): records.position_from(row, self.server) for row in rows}
        return tuple(unique[number] for number in sorted(unique))

    # --- the server's own settings and prices

    async def groups(self, mask: str = "*") -> tuple[GroupInfo, ...]:
        with self._link.decoding("groups.list"):
            rows = await self._pages.all("groups.list", "groups", {"mask": mask})
            unique = {row.text("name"): records.group_from(row) for row in rows}
        return tuple(unique[name] for name in sorted(unique))

    async def symbols(self, names: Collection[str] | None = None) -> tuple[SymbolInfo, ...]:
        if names is not None and not names:
            return ()
        wanted = None if names is None else sorted(set(names))
        with self._link.decoding("symbols.list"):
            rows = await self._pages.all("symbols.list", "symbols", {"names": wanted})
            unique = {row.text("symbol"): records.symbol_from(row) for row in rows}
        return tuple(unique[name] for name in sorted(unique))

    async def ticks(self, symbols: Collection[str], cursor: int = 0) -> Ticks:
        if not symbols:
            return Ticks((), cursor)
        answer = await self._link.ask("ticks.last", {"symbols": sorted(set(symbols)), "cursor": cursor})
        with self._link.decoding("ticks.last"):
            return Ticks(tuple(records.tick_from(one) for one in answer.records("ticks")), answer.integer("cursor"))

    # --- what the server tells by itself

    def listen(self) -> AsyncIterator[Heard]:
        return self._listening.listen()
