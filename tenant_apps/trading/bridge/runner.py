"""The bridge process: finds the servers of all brokerages at work, leases them, and runs a `ServerWatch` for each."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

import redis.asyncio
from django.db import close_old_connections

from kernel.ids import short_id
from kernel.logs import log
from kernel.redis import async_client
from kernel.tenancy import context, directory
from kernel.tenancy.context import TenantRef
from tenant_apps.trading.bridge import lease
from tenant_apps.trading.bridge.watch import ServerWatch
from tenant_apps.trading.models import TradingServer

T = TypeVar("T")
LOOK_SECONDS = 4.0
THREADS = 8
WAKE = "rialto:bridge:wake:"


class Bridge:
    """One of any number of bridges. `stop()` from a signal; `run()` ends when all servers are let go."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{short_id(4)}"
        self.watches: dict[UUID, tuple[ServerWatch, asyncio.Task[None]]] = {}
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="bridge")
        self._stopping = asyncio.Event()
        self._look = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()
        self._look.set()

    async def run(self) -> None:
        """Follow servers until stopped."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        listener = asyncio.create_task(self._listen())
        log.info("bridge_started", bridge=self.name)
        try:
            while not self._stopping.is_set():
                try:
                    await self._divide()
                except Exception:  # noqa: BLE001 - the database or Redis may be away for a while
                    log.exception("bridge_look_failed")
                await self._pause()
        finally:
            listener.cancel()
            await self._let_go(list(self.watches))
            self._executor.shutdown(wait=True, cancel_futures=True)
            log.info("bridge_stopped", bridge=self.name)

    async def _pause(self) -> None:
        self._look.clear()
        if self._stopping.is_set():
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._look.wait()
        except TimeoutError:
            return

    async def _thread(self, work: Callable[[], T]) -> T:
        def run() -> T:
            close_old_connections()
            return work()

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, contextvars.copy_context().run, run)

    async def _divide(self) -> None:
        """Take the servers nobody has, renew ours, and let go of what is disabled, gone or another bridge's."""
        wanted = await self._thread(self._wanted)
        await self._let_go([server_id for server_id in self.watches if server_id not in wanted])
        for server_id, (tenant, server) in wanted.items():
            if not await self._thread(lambda found=server_id: lease.hold(found, self.name)):  # type: ignore[misc]
                await self._let_go([server_id])
                continue
            known = self.watches.get(server_id)
            if known and (known[0].server.updated_at != server.updated_at or known[1].done()):
                await self._let_go([server_id], release=False)
                known = None
            if known is None:
                watch = ServerWatch(tenant, server, executor=self._executor, bridge=self.name)
                self.watches[server_id] = (watch, asyncio.create_task(watch.run(), name=f"server {server.name}"))

    def _wanted(self) -> dict[UUID, tuple[TenantRef, TradingServer]]:
        found: dict[UUID, tuple[TenantRef, TradingServer]] = {}
        for tenant in directory.at_work():
            try:
                with context.use(tenant):
                    found |= {row.pk: (tenant, row) for row in TradingServer.objects.filter(enabled=True)}
            except Exception:  # noqa: BLE001 - one brokerage's trouble is not the others'
                log.exception("bridge_tenant_failed", tenant=tenant.slug)
                found |= {
                    key: (tenant, watch.server) for key, (watch, _) in self.watches.items() if watch.tenant == tenant
                }
        return found

    async def _let_go(self, server_ids: list[UUID], *, release: bool = True) -> None:
        going = [(server_id, *self.watches.pop(server_id)) for server_id in server_ids if server_id in self.watches]
        for _, _, task in going:
            task.cancel()
        await asyncio.gather(*(task for _, _, task in going), return_exceptions=True)
        if release:
            for server_id, _, _ in going:
                await self._thread(lambda found=server_id: lease.release(found, self.name))  # type: ignore[misc]

    async def _listen(self) -> None:
        """Hints that accounts or servers have changed; without Redis the regular looks find out."""
        while True:
            line = async_client()
            try:
                async with line.pubsub(ignore_subscribe_messages=True) as hints:
                    await hints.psubscribe(f"{WAKE}*")
                    async for hint in hints.listen():
                        self._wake(str(hint["channel"]).removeprefix(WAKE))
            except redis.RedisError:
                await asyncio.sleep(2.0)
            finally:
                await line.aclose()

    def _wake(self, server_id: str) -> None:
        for known, (watch, _) in self.watches.items():
            if str(known) == server_id:
                watch.wake()
        self._look.set()
