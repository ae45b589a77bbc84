"""What a pushing server has told and the watch has not taken yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tenant_apps.trading.ports import Deal, Heard, PushingPlatform, TradingPlatform

DEALS_MOST = 20_000  # waiting to be taken; above that they are read from the watermark on instead


class News:
    """Whatever fails while listening is raised by the next `take`. `stir` is called when there is something to take."""

    def __init__(self, stir: Callable[[], None]) -> None:
        self._stir = stir
        self._deals: dict[int, Deal] = {}
        self._logins: set[int] = set()
        self._gap = True  # before the first message nothing has been read
        self._failure: Exception | None = None

    async def listen(self, platform: PushingPlatform) -> None:
        try:
            async for heard in platform.listen():
                self._add(heard)
                self._stir()
        except Exception as error:  # noqa: BLE001 - the watch decides what a failure means
            self._failure = error
        else:
            self._failure = ConnectionError("the server has stopped telling")
        self._stir()

    def _add(self, heard: Heard) -> None:
        self._deals |= {deal.deal: deal for deal in heard.deals}  # one told again is told as it is by now
        self._logins |= heard.logins
        self._gap |= heard.gap
        if len(self._deals) > DEALS_MOST:
            self._deals, self._gap = {}, True

    def take(self) -> Heard:
        """All that was told since the last time."""
        if self._failure is not None:
            raise self._failure
        taken = Heard(deals=tuple(self._deals.values()), logins=frozenset(self._logins), gap=self._gap)
        self._deals, self._logins, self._gap = {}, set(), False
        return taken


@asynccontextmanager
async def news_of(platform: TradingPlatform, stir: Callable[[], None]) -> AsyncIterator[News | None]:
    """The news of a platform that pushes; None for one that has to be asked."""
    if not isinstance(platform, PushingPlatform):
        yield None
        return
    news = News(stir)
    task = asyncio.create_task(news.listen(platform))
    try:
        yield news
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
