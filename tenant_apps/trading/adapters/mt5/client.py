"""The trading port over MT5's Web API."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from tenant_apps.trading.adapters.mt5 import accounts, records
from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.clock import WallClock
from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.currencies import Currencies
from tenant_apps.trading.adapters.mt5.pool import Pool
from tenant_apps.trading.adapters.mt5.retcodes import INVALID_PASSWORD
from tenant_apps.trading.adapters.mt5.timekeeper import Timekeeper
from tenant_apps.trading.adapters.mt5.values import Malformed, Record, amount_text, scale_of
from tenant_apps.trading.adapters.sockets import Connector, connect_directly
from tenant_apps.trading.errors import (
    DuplicateOperation,
    OutcomeUnknown,
    PlatformRejected,
    PlatformUnavailable,
    Rejection,
)
from tenant_apps.trading.ports import (
    Account,
    AccountChange,
    AccountState,
    BalanceOperation,
    BalanceResult,
    Deal,
    GroupInfo,
    NewAccount,
    PasswordKind,
    Position,
    ServerInfo,
    SymbolInfo,
    Ticks,
)

AHEAD = timedelta(days=1)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Mt5Platform:
    """`TradingPlatform` for one MT5 server. Belongs to the event loop in which it is first used.

    `connect` opens TCP sockets (the place for a guard against private networks); `now` is the time
    in UTC by the clock the server goes by: a demonstration that moves its servers' clock gives that one.
    """

    def __init__(
        self,
        config: Mt5Config,
        *,
        connect: Connector = connect_directly,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._config = config
        self._now = now
        self._pool = Pool(config, connector=connect, now=now)
        self._time = Timekeeper(config, self._pool, now)
        self._currencies = Currencies(config, self._pool)

    @property
    def server(self) -> str:
        return self._config.server

    @property
    def quiet_period(self) -> timedelta:
        return self._config.quiet_period

    async def connect(self) -> None:
        await self._time.reading(max_age=0)

    async def close(self) -> None:
        await self._pool.close()

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
        reading = await self._time.reading(max_age=0)
        try:
            common = (await self._read("/api/common/get")).record
            name, owner = common.text("Name"), common.text("Owner")
        except PlatformRejected:  # a right that a broker may well withhold, and nothing depends on it
            name, owner = "", ""
        return ServerInfo(
            name=name,
            owner=owner,
            build=self._pool.versions[1] or self._pool.versions[0],
            utc_offset=reading.clock.offset,
            clock_skew=reading.skew,
            zone_agrees=reading.zone_agrees,
            measured_at=reading.taken_at,
        )

    # --- accounts

    async def account_open(self, account: NewAccount) -> Account:
        flags = records.flags_with_rights(records.RIGHTS_DEFAULT, _rights_of(account))
        fields = accounts.opening_fields(account, flags=flags, external_id_field=self._config.external_id_field)
        clock = await self._time.clock()
        # The four the manual asks for in the query go there; the rest stays out of access logs, in the body.
        query: dict[str, str | int] = {
            "login": account.login,
            "group": account.group,
            "name": account.name,
            "leverage": account.leverage,
        }
        attempted_at = self._now()
        answer = await self._pool.call(Call("/api/user/add", query, body=fields, changes=True))
        try:
            return records.account_from(answer.record, clock, self._config.external_id_field)
        except Malformed as error:
            raise self._unknown("user/add", error, attempted_at) from error

    async def account_open_find(self, group: str, external_id: str) -> Account | None:
        clock = await self._time.clock()
        users = await self._rows("/api/user/get_batch", {"group": group})
        with self._decoding("user/get_batch"):
            found = [
                account
                for account in (records.account_from(user, clock, self._config.external_id_field) for user in users)
                if account.external_id == external_id and account.group.casefold() == group.casefold()
            ]
        if len(found) > 1:
            raise DuplicateOperation(external_id, tuple(account.login for account in found), server=self.server)
        return found[0] if found else None

    async def account_get(self, login: int) -> Account:
        clock = await self._time.clock()
        user = await self._user(login)
        with self._decoding("user/get"):
            return records.account_from(user, clock, self._config.external_id_field)

    async def account_update(self, login: int, change: AccountChange) -> Account:
        clock = await self._time.clock()
        before = await self._user(login)
        with self._decoding("user/get"):
            wanted = accounts.wanted_fields(before, change)
            if not before.text("Name"):
                # Without the right to personal details they come back empty, and a write could wipe them.
                raise PlatformRejected(
                    f"personal details of {login} are hidden from this manager",
                    name=Rejection.DETAILS_HIDDEN,
                    server=self.server,
                )
        if wanted:
            changed = {name.lower(): value for name, value in wanted.items()}
            query: dict[str, str | int] = {"login": login, **changed}
            body = accounts.whole_record(before, wanted)
            await self._pool.call(Call("/api/user/update", query, body=body, changes=True))
        after = await self._user(login) if wanted else before
        accounts.check_change(before, after, wanted, server=self.server)
        with self._decoding("user/get"):
            self._currencies.learn([after])
            return records.account_from(after, clock, self._config.external_id_field)

    async def _user(self, login: int) -> Record:
        return (await self._read("/api/user/get", {"login": login})).record

    async def password_change(self, login: int, kind: PasswordKind, password: str) -> None:
        body = {"Login": str(login), "Type": kind.value, "Password": password}
        await self._pool.call(Call("/api/user/change_password", body=body, changes=True))

    async def password_check(self, login: int, kind: PasswordKind, password: str) -> bool:
        body = {"Login": str(login), "Type": kind.value, "Password": password}
        try:
            await self._pool.call(Call("/api/user/check_password", body=body))
        except PlatformRejected as refused:
            if refused.number == INVALID_PASSWORD:
                return False
            raise
        return True

    async def account_states(self, *, logins: Collection[int] = (), group: str = "") -> tuple[AccountState, ...]:
        rows = await self._batch("/api/user/account/get_batch", logins, group, {})
        read_at = self._now()
        with self._decoding("user/account/get_batch"):
            found = {row.integer("Login", None): row for row in rows}
            if group and any(mark in group for mark in "*!,"):
                await self._learn_groups(group, found)
            elif group:
                self._currencies.learn(Record({"Login": login, "Group": group}) for login in found)
            currencies = await self._currencies.of_logins(found)
            return tuple(
                records.account_state_from(found[login], currencies[login].currency, read_at)
                for login in sorted(currencies)
            )

    async def _learn_groups(self, group: str, logins: Collection[int]) -> None:
        """One request for a whole mask instead of one for each batch of logins, when most are new to us."""
        if len(logins) > self._config.batch_size and not self._currencies.knows(logins):
            self._currencies.learn(await self._rows("/api/user/get_batch", {"group": group}))

    # --- money

    async def balance_operation(self, operation: BalanceOperation) -> BalanceResult:
        problem = operation.problem()
        if problem is not None:
            raise PlatformRejected(problem, name=Rejection.COMMENT_UNUSABLE, server=self.server)
        await self._check_amount(operation)
        params: dict[str, str | int] = {
            "login": operation.login,
            "type": records.BALANCE_TYPES[operation.kind],
            "balance": amount_text(operation.amount),
            "comment": operation.comment,
            "check_margin": int(operation.check_margin),
        }
        attempted_at = self._now()
        answer = await self._pool.call(Call("/api/trade/balance", params, changes=True))
        try:
            deal = answer.record.integer("Ticket", None)
        except Malformed as error:
            raise self._unknown("trade/balance", error, attempted_at) from error
        return BalanceResult(operation.login, deal, operation.operation_id, operation.amount, operation.kind)

    async def _check_amount(self, operation: BalanceOperation) -> None:
        """The server would round silently what is finer than the account's currency."""
        if not operation.amount.is_finite() or not operation.amount:
            raise PlatformRejected("an amount other than zero", name=Rejection.INVALID_DATA)
        with self._decoding("group/get"):
            currency = await self._currencies.of_login(operation.login)
        if scale_of(operation.amount) > currency.digits:
            raise PlatformRejected(
                f"{operation.amount} has more than the {currency.digits} decimals of {currency.currency}",
                name=Rejection.UNSUPPORTED_SCALE,
                server=self.server,
            )

    async def balance_operation_find(self, login: int, operation_id: str, since: datetime) -> BalanceResult | None:
        history = await self.deals_of(login, since - self._config.found_margin, self._now() + AHEAD)
        found = [
            BalanceResult(
                login=deal.login,
                deal=deal.deal,
                operation_id=operation_id,
                amount=deal.profit,
                kind=records.BALANCE_KINDS[action],
                executed_at=deal.executed_at,
            )
            for deal in history
            if deal.comment.partition(" ")[0] == operation_id
            and (action := Record(deal.raw).integer("Action")) in records.BALANCE_KINDS
        ]
        if len(found) > 1:
            raise DuplicateOperation(operation_id, tuple(one.deal for one in found), server=self.server)
        return found[0] if found else None

    # --- history and positions

    async def deals(
        self, since: datetime, until: datetime, *, logins: Collection[int] = (), group: str = ""
    ) -> tuple[Deal, ...]:
        clock = await self._time.clock()
        window = _window(clock, since, until)
        rows = await self._batch("/api/deal/get_batch", logins, group, window)
        return self._deals(rows, clock, since, until)

    async def deals_of(self, login: int, since: datetime, until: datetime) -> tuple[Deal, ...]:
        clock = await self._time.clock()
        size = self._config.page_size
        rows: list[Record] = []
        while True:
            params = {
                "login": login,
                **_window(clock, since, until),
                "offset": len(rows),
                "total": size,
            }
            page = await self._rows("/api/deal/get_page", params)
            rows += page
            if len(page) < size:
                return self._deals(rows, clock, since, until)

    def _deals(self, rows: Iterable[Record], clock: WallClock, since: datetime, until: datetime) -> tuple[Deal, ...]:
        with self._decoding("deals"):
            decoded = (records.deal_from(row, self.server, clock) for row in rows)
            # Pages may shift while they are read, and only whole seconds can be asked for.
            unique = {deal.deal: deal for deal in decoded if since <= deal.executed_at < until}
        return tuple(sorted(unique.values(), key=lambda deal: (deal.executed_at, deal.deal)))

    async def positions(self, *, logins: Collection[int] = (), group: str = "") -> tuple[Position, ...]:
        clock = await self._time.clock()
        rows = await self._batch("/api/position/get_batch", logins, group, {})
        with self._decoding("position/get_batch"):
            unique = {row.integer("Position", None): row for row in rows}
            return tuple(records.position_from(unique[key], self.server, clock) for key in sorted(unique))

    # --- the server's own settings and prices

    async def groups(self, mask: str = "*") -> tuple[GroupInfo, ...]:
        rows = await self._rows("/api/group/get", {"mask": mask})
        with self._decoding("group/get"):
            return tuple(sorted((records.group_from(row) for row in rows), key=lambda group: group.name))

    async def symbols(self, names: Collection[str] | None = None) -> tuple[SymbolInfo, ...]:
        if names is None:
            names = await self._symbol_names()
        lanes = asyncio.Semaphore(self._config.sessions)

        async def one(name: str) -> SymbolInfo:
            async with lanes:
                answer = await self._read("/api/symbol/get", {"symbol": name})
            with self._decoding("symbol/get"):
                return records.symbol_from(answer.record)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(name)) for name in sorted(set(names))]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0]  # the first stopped the others; the port promises plain errors
        return tuple(task.result() for task in tasks)

    async def _symbol_names(self) -> list[str]:
        rows = (await self._read("/api/symbol/list")).rows
        with self._decoding("symbol/list"):
            return [row if isinstance(row, str) else Record(row).text("Symbol") for row in rows]

    async def ticks(self, symbols: Collection[str], cursor: int = 0) -> Ticks:
        if not symbols:
            return Ticks((), cursor)
        clock = await self._time.clock()
        params: dict[str, str | int] = {"symbol": ",".join(sorted(set(symbols))), "trans_id": cursor}
        answer = await self._read("/api/tick/last", params)
        with self._decoding("tick/last"):
            ticks = tuple(records.tick_from(Record(row), clock) for row in answer.rows)
            carrier = answer.top if "trans_id" in answer.top else answer.record
            return Ticks(ticks, carrier.integer("trans_id", cursor))

    # --- helpers

    async def _read(self, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
        return await self._pool.call(Call(path, params))

    async def _rows(self, path: str, params: Mapping[str, str | int]) -> list[Record]:
        """Rows of a list answer; "not found" is an empty list."""
        try:
            answer = await self._read(path, params)
        except PlatformRejected as refused:
            if refused.name is Rejection.NOT_FOUND:
                return []
            raise
        with self._decoding(path):
            return [Record(row) for row in answer.rows]

    async def _batch(
        self, path: str, logins: Collection[int], group: str, params: Mapping[str, str | int]
    ) -> list[Record]:
        if bool(logins) == bool(group):
            raise ValueError("either logins or a group mask")
        if group:
            return await self._rows(path, {"group": group, **params})
        rows: list[Record] = []
        named, size = sorted(set(logins)), self._config.batch_size
        for start in range(0, len(named), size):
            chunk = ",".join(map(str, named[start : start + size]))
            rows += await self._rows(path, {"login": chunk, **params})
        return rows

    @contextmanager
    def _decoding(self, what: str) -> Iterator[None]:
        """An answer we cannot read is as good as none: a read may simply be tried again."""
        try:
            yield
        except Malformed as error:
            raise PlatformUnavailable(f"{what}: {error}", server=self.server) from error

    def _unknown(self, what: str, error: Malformed, attempted_at: datetime) -> OutcomeUnknown:
        text = f"{what} was done, but the answer is unreadable: {error}"
        return OutcomeUnknown(text, attempted_at=attempted_at, server=self.server)


def _rights_of(account: NewAccount) -> dict[str, bool | None]:
    rights = account.rights
    return {name: getattr(rights, name) for name in rights.__slots__}


def _window(clock: WallClock, since: datetime, until: datetime) -> dict[str, str | int]:
    """Whole seconds of the server's clock around [since, until).

    Wider by an hour where summer time may lie within.
    """
    slack = 3600 if clock.zone is not None else 0
    return {"from": clock.from_utc(since) - slack, "to": clock.from_utc(until) + 1 + slack}
