"""Following one server: a task of its own, with its own connection, so that a slow or hostile server starves nobody.

A round reads states, positions and deals of all accounts, stores what is new, and tells open pages. The pace follows
what happens: fast while accounts trade or a page watches, slow when nothing moves. A server that tells things by itself
is read whole once at the beginning, after every gap and now and then; between these only what it told of is looked at. Any
failure ends the connection; after a pause that grows up to half a minute the server is followed again from the watermark.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import redis
from django.db import close_old_connections, connection

from kernel import clock
from kernel.live.publish import channel
from kernel.logs import log
from kernel.redis import client
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef
from tenant_apps.trading import platforms
from tenant_apps.trading.bridge import alerts, ingest, telling
from tenant_apps.trading.bridge.book import Book
from tenant_apps.trading.bridge.metrics import Metrics
from tenant_apps.trading.bridge.news import News, news_of
from tenant_apps.trading.bridge.records import AccountRef, accounts_of, event_ms
from tenant_apps.trading.errors import PlatformRejected
from tenant_apps.trading.models import TradingServer
from tenant_apps.trading.ports import Deal, Heard, ServerInfo, TradingPlatform
from tenant_apps.trading.probe_words import NO_FAILURE, problem_of

T = TypeVar("T")
FAST, OPEN_POSITIONS, IDLE, IDLE_MOST = 0.25, 1.0, 2.0, 5.0
BUSY_SECONDS = 30.0  # after a deal the pace stays fast for so long
STORE_EVERY = 1.0  # seconds between writes of numbers that only tick
ACCOUNTS_EVERY = DESK_EVERY = 2.0
HEALTH_EVERY = 10.0
INFO_EVERY = LEVELS_EVERY = 300.0
# A pushing server is read whole so often: prices move equity without a word, and it may have forgotten to tell something.
WHOLE_EVERY, WHOLE_IDLE = 10.0, 60.0
ROUND_SECONDS = 25.0
# Reading the last minute again with every round would be most of its work: so often, and in between the last seconds only.
OVERLAP_EVERY, RECENT = 5.0, timedelta(seconds=5)
NAMED = 200  # up to so many accounts are asked for by login, above that by their groups
AHEAD = timedelta(days=1)  # a server's clock may be ahead of ours
PAUSE_FIRST, PAUSE_MOST = 1.0, 30.0
SEEN_MOST = 50_000
CONNECTION_KEPT = 5.0  # seconds without use
_used = threading.local()


def _connected() -> None:
    """A thread keeps its connection as long as it is busy and nothing has failed: giving it back each time, and looking whether
    the next one lives, would be a quarter of all that is asked of the database."""
    now = time.monotonic()
    if connection.errors_occurred or now - getattr(_used, "at", 0.0) > CONNECTION_KEPT:
        close_old_connections()
    _used.at = now


class ServerWatch:
    """The following of one server of one brokerage."""

    def __init__(self, tenant: TenantRef, server: TradingServer, *, executor: Executor, bridge: str) -> None:
        self.tenant, self.server = tenant, server
        self._executor = executor
        self.metrics = Metrics(server.pk, tenant=tenant.slug, bridge=bridge)
        self._stirred = asyncio.Event()
        self._languages = telling.languages_of(tenant)
        self._accounts: dict[int, AccountRef] = {}
        self._groups = ""
        self._book = Book()
        self._seen: dict[int, tuple[object, ...]] = {}
        self._watched: frozenset[str] = frozenset()
        self._at: dict[str, float] = {}
        self._busy_until = 0.0
        self._catching_up = False
        self._idle_since = time.monotonic()
        self._whole = True  # the next round has to read everything
        self._stale: set[str] = set()  # pages of all accounts that have not been told yet

    def wake(self) -> None:
        """Accounts or the server's settings have changed."""
        self._at["accounts"] = 0.0
        self._stirred.set()

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
            rows = TradingServer.objects.filter(pk=self.server.pk)
            rows.update(last_error=text, last_problem=problem_of(error), last_error_at=clock.now())
            self.metrics.write(force=True, mode="down")

        try:
            await self._db(write)
        except Exception:  # noqa: BLE001 - the database may be what failed
            log.exception("bridge_database", server=self.server.name)

    async def _db(self, work: Callable[..., T], *args: Any) -> T:
        """Blocking work in the tenant's scope, in a thread."""

        def run() -> T:
            with context.use(self.tenant):
                _connected()
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
        self._book, self._seen, self._at, self._whole = Book(), {}, {}, True
        async with platform, news_of(platform, self._stirred.set) as news:
            while True:
                self._stirred.clear()
                started = time.monotonic()
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._turn(platform, news, started)
                wait = self._pace() - (time.monotonic() - started)
                await self._rest(max(wait, 0.02))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        except TimeoutError:
            return

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
        if self._book.positions:
            self._idle_since = now
            return OPEN_POSITIONS
        return IDLE_MOST if now - self._idle_since > 60 else IDLE

    # --- one round

    async def _turn(self, platform: TradingPlatform, news: News | None, started: float) -> None:
        if self._due("accounts", ACCOUNTS_EVERY):
            await self._load_accounts()
        heard = news.take() if news else Heard(gap=True)
        if self._accounts:
            await self._learn_levels(platform)
            await self._catch_up(platform)
            if heard.gap or self._whole or self._due("whole", WHOLE_EVERY if self._book.positions else WHOLE_IDLE):
                await self._round(platform)
            else:
                await self._hear(platform, heard)
        await self._health(platform, started)

    async def _round(self, platform: TradingPlatform) -> None:
        """Everything of all accounts, deals from the watermark on. What fails is read again: `_whole` stands till the end."""
        self._whole = True
        which: dict[str, Any] = (
            {"logins": tuple(self._accounts)} if len(self._accounts) <= NAMED else {"group": self._groups}
        )
        since = await self._since()
        states, positions, deals = await _together(
            platform.account_states(**which),
            platform.positions(**which),
            platform.deals(since, clock.now() + AHEAD, **which),
        )
        read_ms = int(time.time() * 1000)
        new = await self._take_deals(deals)
        changed = self._book.take_states(states, self._accounts)
        book_changed = self._book.take_positions(positions, self._accounts)
        await self._watchers()
        await self._db(self._store_and_tell, changed, book_changed, new, read_ms)
        self._whole = False
        self._at["whole"] = time.monotonic()

    async def _since(self) -> datetime:
        """Where reading deals begins. One that a server dates back is found with the next whole overlap."""
        whole = await self._db(ingest.watermark, self.server.pk)
        return whole if self._due("overlap", OVERLAP_EVERY) else whole + ingest.OVERLAP - RECENT

    async def _hear(self, platform: TradingPlatform, heard: Heard) -> None:
        """What was told: deals are stored and shown first, then the accounts they and other news touched are looked at."""
        new = await self._take_deals(heard.deals)
        if new:
            await self._db(self._store_and_tell, set(), set(), new, int(time.time() * 1000))
        await self._watchers()
        logins = (heard.logins | {deal.login for deal in heard.deals} | self._looked_at()) & self._accounts.keys()
        if logins:
            await self._look(platform, logins)
        elif not self._book.is_stored:
            # Numbers that came too soon after others to be written at once: the next news may be a minute away.
            await self._db(self._store_and_tell, set(), set(), (), int(time.time() * 1000))

    async def _look(self, platform: TradingPlatform, logins: Collection[int]) -> None:
        asked = {self._accounts[login].id for login in logins}
        states, positions = await _together(
            platform.account_states(logins=tuple(logins)), platform.positions(logins=tuple(logins))
        )
        read_ms = int(time.time() * 1000)
        changed = self._book.take_states(states, self._accounts)
        book_changed = self._book.take_positions(positions, self._accounts, asked)
        await self._db(self._store_and_tell, changed, book_changed, (), read_ms)

    def _looked_at(self) -> set[int]:
        """Accounts on open pages: what their positions are worth changes with every price."""
        return {login for login, account in self._accounts.items() if account.topic in self._watched}

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

    def _store_and_tell(self, changed: set[UUID], book: set[UUID], new: tuple[Deal, ...], read_ms: int) -> None:
        if book or new or self._due("store", STORE_EVERY):
            self._book.store(self.server.pk, self._accounts)
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
                rows, snapshot = self._book.positions_of(account_id), self._book.snapshots[account_id]
                messages.append(telling.tick(account, snapshot, rows, languages=self._languages, ts=read_ms))
        telling.tell(self.tenant, [*messages, *self._desk(bool(changed or book), bool(new), read_ms)])

    def _desk(self, moved: bool, dealt: bool, ts: int) -> list[telling.Message]:
        """For pages that add up all accounts: each at most every DESK_EVERY, the last change never left out."""
        self._stale |= {telling.DESK} if moved else set()
        self._stale |= {telling.DEALS} if dealt else set()
        due = [topic for topic in sorted(self._stale) if self._due(topic, DESK_EVERY)]
        self._stale -= set(due)
        return [telling.message(topic, {}, ts) for topic in due]

    # --- what is known

    async def _load_accounts(self) -> None:
        def read() -> tuple[dict[int, AccountRef], str]:
            groups = self.server.account_types.values_list("group", flat=True)
            return accounts_of(self.server.pk), ",".join(sorted(set(groups)))

        before = {login for login, account in self._accounts.items() if account.synced}
        levels = {account.id: account.levels for account in self._accounts.values()}
        self._accounts, self._groups = await self._db(read)
        self._book.look_again(
            account.id
            for account in self._accounts.values()
            if levels.get(account.id, account.levels) != account.levels
        )
        if {login for login, account in self._accounts.items() if account.synced} - before:
            self._whole = True  # what was told of it before it was known was let go

    async def _learn_levels(self, platform: TradingPlatform) -> None:
        """The groups' margin-call and stop-out levels. A manager who may not see groups is followed without."""
        if not self._groups or not self._due("levels", LEVELS_EVERY):
            return
        try:
            groups = await platform.groups(self._groups)
        except PlatformRejected:
            log.warning("margin_levels_unknown", server=self.server.name, tenant=self.tenant.slug)
            return
        await self._db(alerts.levels_store, self.server.pk, groups)
        await self._load_accounts()

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
        """Which accounts an open page watches, by the subscriptions of the web processes. Asked twice a second. Without
        Redis no page hears anything: nothing is watched, and the deals come in all the same."""
        if not self._due("watchers", 0.5):
            return
        topics = {channel(self.tenant.id, account.topic): account.topic for account in self._accounts.values()}

        def ask() -> frozenset[str]:
            try:
                found: dict[Any, int] = dict(client().pubsub_numsub(*topics))
            except redis.RedisError:
                return frozenset()
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
                positions=len(self._book.positions),
                round_ms=round_ms,
            )
            if due:
                values: dict[str, Any] = {"last_ok_at": clock.now(), "latency_ms": round_ms, **NO_FAILURE}
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
