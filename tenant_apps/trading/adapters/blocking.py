"""A trading platform for code without an event loop: a worker's command, a management command, a test."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from tenant_apps.trading.errors import PlatformUnavailable
from tenant_apps.trading.ports import TradingPlatform

T = TypeVar("T")


class BlockingPlatform:
    """Runs a platform's event loop in a thread of its own, so that pings go on between calls.

        with BlockingPlatform(lambda: Mt5Platform(config)) as server:
            result = server.run(lambda platform: platform.balance_operation(operation))

    The thread starts on entering, after any fork of the worker, and ends on leaving. `run` may be called from
    several threads. An exception that interrupts the waiting (a task's time limit) cancels the call; whether
    a change already sent took place is then unknown, as after OutcomeUnknown.
    """

    def __init__(self, factory: Callable[[], TradingPlatform]) -> None:
        self._factory = factory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._platform: TradingPlatform | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="trading platform", daemon=True)
        self._thread.start()
        try:
            self._platform = self._wait(self._connected())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        platform, self._platform = self._platform, None
        try:
            if platform is not None:
                self._wait(platform.close())
        finally:
            self._stop()

    def run(self, call: Callable[[TradingPlatform], Coroutine[Any, Any, T]]) -> T:
        """Wait for the call's result; raises what the platform raises."""
        if self._platform is None:
            raise PlatformUnavailable("the connection is closed")
        return self._wait(call(self._platform))

    async def _connected(self) -> TradingPlatform:
        platform = self._factory()
        await platform.__aenter__()
        return platform

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _stop(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None
