"""Following one server: a task of its own, with its own connection, so that a slow or hostile server starves nobody.

A round reads states, positions and deals of all accounts, stores what is new, and tells open pages. The pace follows
what happens: fast while accounts trade or a page watches, slow when nothing moves. Any failure ends the connection;
after a pause that grows up to half a minute the server is followed again from the watermark.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import close_old_connections

from kernel import clock
from kernel.live.publish import channel
from kernel.logs import log
from kernel.redis import client
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef
from tenant_apps.trading import platforms
from tenant_apps.trading.bridge import ingest, telling
from tenant_apps.trading.bridge.metrics import Metrics
from tenant_apps.trading.bridge.records import (
    AccountRef,
    PositionRow,
    Snapshot,
    accounts_of,
    event_ms,
    position_row,
    snapshot_of,
)
from tenant_apps.trading.models import Position, TradingServer
from tenant_apps.trading.ports import AccountState, Deal, ServerInfo, TradingPlatform
from tenant_apps.trading.ports import Position as PlatformPosition

T = TypeVar("T")
FAST, OPEN_POSITIONS, IDLE, IDLE_MOST = 0.25, 1.0, 2.0, 5.0
BUSY_SECONDS = 30.0  # after a deal the pace stays fast for so long
STORE_EVERY = 1.0  # seconds between writes of numbers that only tick
ACCOUNTS_EVERY = 2.0
HEALTH_EVERY = 10.0
INFO_EVERY = 300.0
ROUND_SECONDS = 25.0
NAMED = 200  # up to so many accounts are asked for by login, above that by their groups
AHEAD = timedelta(days=1)  # a server's clock may be ahead of ours
PAUSE_FIRST, PAUSE_MOST = 1.0, 30.0
SEEN_MOST = 50_000


class ServerWatch:
    """The following of one server of one brokerage."""

    def __init__(self, tenant: TenantRef, server: TradingServer, *, executor: Executor, bridge: str) -> None:
        self.tenant, self.server = tenant, server
        self._executor = executor
        self.metrics = Metrics(server.pk, tenant=tenant.slug, bridge=bridge)
        self.woken = asyncio.Event()
        self._languages = telling.languages_of(tenant)
        self._accounts: dict[int, AccountRef] = {}
        self._groups = ""
        self._snapshots: dict[UUID, Snapshot] = {}
        self._unstored: dict[UUID, Snapshot] = {}
        self._positions: dict[int, PositionRow] = {}
        self._unstored_positions: dict[int, PositionRow] = {}
        self._seen: dict[int, tuple[object, ...]] = {}
        self._watched: frozenset[str] = frozenset()
        self._at: dict[str, float] = {}
        self._busy_until = 0.0
        self._catching_up = False
        self._idle_since = time.monotonic()
        self._curve_minute = -1

    async def run(self) -> None:
        """Until cancelled."""
        pause = PAUSE_FIRST
        while True:
            started = time.monotonic()
            try:
                await self._follow()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a server does, this task goes on
                if time.monotonic() - started > 60:
                    pause = PAUSE_FIRST
                await self._failed(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_MOST)

    async def _failed(self, error: Exception) -> None:
        log.warning("server_not_followed", server=self.server.name, tenant=self.tenant.slug, error=str(error)[:300])
        self.metrics.failed(error)
        text = f"{type(error).__name__}: {error}"[:300]

        def write() -> None:
            TradingServer.objects.filter(pk=self.server.pk).update(last_error=text, last_error_at=clock.now())
            self.metrics.write(force=True, mode="down")

        try:
            await self._db(write)
        except Exception:  # noqa: BLE001 - the database may be what failed
            log.exception("bridge_database", server=self.server.name)

    async def _db(self, work: Callable[..., T], *args: Any) -> T:
        """Blocking work in the tenant's scope, in a thread."""

        def run() -> T:
            with context.use(self.tenant):
                close_old_connections()
                return work(*args)

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, contextvars.copy_context().run, run)

    async def _follow(self) -> None:
        fresh = await self._db(lambda: TradingServer.objects.get(pk=self.server.pk))
        self.server = fresh
        platform = await self._db(
            lambda: platforms.platform_for(fresh, sessions=3, call_seconds=10.0, connect_seconds=5.0)
        )
        await self._db(ingest.watermark_start, fresh.pk)
        await self._load()
        async with platform:
            while True:
                self.woken.clear()
                started = time.monotonic()
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._round(platform, started)
                wait = self._pace() - (time.monotonic() - started)
                await self._rest(max(wait, 0.02))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return
        self._at["accounts"] = 0.0

    def _due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now - self._at.get(what, 0.0) < seconds:
            return False
        self._at[what] = now
        return True

    def _pace(self) -> float:
        """Seconds between the beginnings of two rounds."""
        now = time.monotonic()
        if self._watched or now < self._busy_until or self._catching_up:
            self._idle_since = now
            return FAST
        if self._positions:
            self._idle_since = now
            return OPEN_POSITIONS
        return IDLE_MOST if now - self._idle_since > 60 else IDLE

    # --- one round

    async def _round(self, platform: TradingPlatform, started: float) -> None:
        if self._due("accounts", ACCOUNTS_EVERY):
            await self._load_accounts()
        if not self._accounts:
            await self._health(platform, started)
            return
        await self._catch_up(platform)
        which: dict[str, Any] = (
            {"logins": tuple(self._accounts)} if len(self._accounts) <= NAMED else {"group": self._groups}
        )
        since = await self._db(ingest.watermark, self.server.pk)
        states, positions, deals = await _together(
            platform.account_states(**which),
            platform.positions(**which),
            platform.deals(since, clock.now() + AHEAD, **which),
        )
        read_ms = int(time.time() * 1000)
        new = await self._take_deals(deals)
        changed = self._take_states(states)
        book_changed = self._take_positions(positions)
        await self._watchers()
        await self._db(self._store_and_tell, changed, book_changed, new, read_ms)
        await self._health(platform, started)

    async def _take_deals(self, deals: tuple[Deal, ...]) -> tuple[Deal, ...]:
        # An adopted account's deals wait for its past (`_catch_up`), so that past and present are not confused.
        synced = {login: account for login, account in self._accounts.items() if account.synced}
        fresh = [deal for deal in deals if deal.login in synced and deal.deal not in self._seen]
        if not fresh:
            return ()
        stored = await self._db(ingest.store_deals, self.server, fresh, synced)
        for deal in fresh:
            self._seen[deal.deal] = ()
        while len(self._seen) > SEEN_MOST:
            del self._seen[next(iter(self._seen))]
        if stored.new:
            self._busy_until = time.monotonic() + BUSY_SECONDS
            committed = event_ms(stored.committed_at)
            self.metrics.deals([committed - event_ms(deal.executed_at) for deal in stored.new])
        return stored.new

    def _take_states(self, states: tuple[AccountState, ...]) -> set[UUID]:
        changed: set[UUID] = set()
        for state in states:
            account = self._accounts.get(state.login)
            if account is None:
                continue
            snapshot = snapshot_of(state, account.currency)
            if self._snapshots.get(account.id) != snapshot:
                self._snapshots[account.id] = self._unstored[account.id] = snapshot
                changed.add(account.id)
        return changed

    def _take_positions(self, positions: tuple[PlatformPosition, ...]) -> set[UUID]:
        """Compare with what is known; returns the accounts whose positions opened, closed or changed size."""
        current = {
            row.position: position_row(row, self._accounts[row.login])
            for row in positions
            if row.login in self._accounts
        }
        book: set[UUID] = set()
        for number, row in current.items():
            known = self._positions.get(number)
            if known is None or known.lots != row.lots:
                book.add(row.account_id)
            if known != row:
                self._unstored_positions[number] = row
        book |= {row.account_id for number, row in self._positions.items() if number not in current}
        self._positions = current
        return book

    def _store_and_tell(self, changed: set[UUID], book: set[UUID], new: tuple[Deal, ...], read_ms: int) -> None:
        if book or new or self._due("store", STORE_EVERY):
            self._store()
        by_id = {account.id: account for account in self._accounts.values()}
        messages: list[telling.Message] = []
        told = {self._accounts[deal.login].id: event_ms(deal.executed_at) for deal in new}
        for account_id in book | set(told):
            if account := by_id.get(account_id):
                ts = told.get(account_id, read_ms)
                messages.append(telling.message(account.book_topic, {"deals": account_id in told}, ts))
                if account_id in told:
                    data = {"account": str(account_id), "login": account.login}
                    messages.append(telling.message(f"client:{account.client_id}", data, ts))
        for account_id in changed:
            account = by_id[account_id]
            if account.topic in self._watched:
                rows = [row for row in self._positions.values() if row.account_id == account_id]
                snapshot = self._snapshots[account_id]
                messages.append(telling.tick(account, snapshot, rows, languages=self._languages, ts=read_ms))
        telling.tell(self.tenant, messages)

    def _store(self) -> None:
        minute = int(clock.now().timestamp() // 60)
        ingest.store_states(self._unstored, curve=minute != self._curve_minute)
        if self._unstored:
            self._curve_minute = minute
        self._unstored = {}
        known = set(Position.objects.filter(server_id=self.server.pk).values_list("position", flat=True))
        gone = [number for number in known if number not in self._positions]
        rows = [row for number, row in self._unstored_positions.items() if number in self._positions]
        ingest.store_positions(self.server.pk, rows, gone)
        self._unstored_positions = {}

    # --- what is known

    async def _load(self) -> None:
        """Begin from what the database has: nothing is thought to be stored that is not."""
        self._snapshots, self._unstored, self._seen = {}, {}, {}
        self._positions, self._unstored_positions = {}, {}
        self._at = {}

    async def _load_accounts(self) -> None:
        def read() -> tuple[dict[int, AccountRef], str]:
            groups = self.server.account_types.values_list("group", flat=True)
            return accounts_of(self.server.pk), ",".join(sorted(set(groups)))

        self._accounts, self._groups = await self._db(read)

    async def _catch_up(self, platform: TradingPlatform) -> None:
        """The past of adopted accounts, one account a round: the others' present must not wait for it."""
        waiting = next((account for account in self._accounts.values() if not account.synced), None)
        self._catching_up = waiting is not None
        if waiting is None:
            return
        start = clock.now() - timedelta(days=365 * 15)
        deals = await platform.deals_of(waiting.login, start, clock.now() + AHEAD)
        history = not await self._db(_has_deals, waiting.id)
        until = waiting.adopted_at or clock.now()
        past = [deal for deal in deals if deal.executed_at < until] if history else []
        if past:
            await self._db(lambda: ingest.store_deals(self.server, past, {waiting.login: waiting}, history=True))
        rest = [deal for deal in deals if deal.executed_at >= until] if history else list(deals)
        if rest:
            await self._db(ingest.store_deals, self.server, rest, {waiting.login: waiting})
        await self._db(ingest.history_synced, waiting.id)
        self._at["accounts"] = 0.0

    async def _watchers(self) -> None:
        """Which accounts an open page watches, by the subscriptions of the web processes. Asked twice a second."""
        if not self._due("watchers", 0.5):
            return
        topics = {channel(self.tenant.id, account.topic): account.topic for account in self._accounts.values()}

        def ask() -> frozenset[str]:
            found: dict[Any, int] = dict(client().pubsub_numsub(*topics))
            return frozenset(topics[name] for name, count in found.items() if count)

        self._watched = await self._db(ask)

    async def _health(self, platform: TradingPlatform, started: float) -> None:
        round_ms = round((time.monotonic() - started) * 1000)
        mode = {FAST: "fast", OPEN_POSITIONS: "normal"}.get(self._pace(), "idle")
        info: ServerInfo | None = None
        if self._due("info", INFO_EVERY):
            info = await platform.server_info()
        due = info is not None or self._due("health", HEALTH_EVERY)

        def write() -> None:
            self.metrics.write(
                force=info is not None,
                at=time.time(),
                mode=mode,
                accounts=len(self._accounts),
                positions=len(self._positions),
                round_ms=round_ms,
            )
            if due:
                values: dict[str, Any] = {"last_ok_at": clock.now(), "latency_ms": round_ms, "last_error": ""}
                if info is not None:
                    values["time_offset_minutes"] = round(info.utc_offset.total_seconds() / 60)
                TradingServer.objects.filter(pk=self.server.pk).update(**values)

        await self._db(write)


def _has_deals(account_id: UUID) -> bool:
    from tenant_apps.trading.models import Deal as DealRow

    return DealRow.objects.filter(account_id=account_id).exists()


async def _together(*calls: Any) -> list[Any]:
    """All results, or the first failure after all have ended: no call outlives its round."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return list(results)
