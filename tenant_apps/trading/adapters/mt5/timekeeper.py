"""Keeps the measured offset of a server's wall clock fresh."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.clock import WallClock, measure
from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.pool import Pool
from tenant_apps.trading.adapters.mt5.values import Malformed, Record
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable

WIDEST_ZONE = timedelta(hours=15)  # the widest in use is 14 hours


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement. `taken_at` is our clock (aware UTC) in the middle of the request."""

    clock: WallClock
    skew: timedelta
    zone_agrees: bool | None
    taken_at: datetime


class Timekeeper:
    def __init__(self, config: Mt5Config, pool: Pool, now: Callable[[], datetime]) -> None:
        self._config = config
        self._pool = pool
        self._now = now
        self._turn = asyncio.Lock()
        self._reading: Reading | None = None
        self._read_at = 0.0
        self._zone = ZoneInfo(config.server_zone) if config.server_zone else None

    async def clock(self) -> WallClock:
        """The clock to convert with; measured again when old, for summer time begins and ends."""
        return (await self.reading(max_age=self._config.clock_max_age)).clock

    async def reading(self, *, max_age: float) -> Reading:
        async with self._turn:
            time = asyncio.get_running_loop().time
            if self._reading is None or time() - self._read_at > max_age:
                self._reading = await self._measure()
                self._read_at = time()
            return self._reading

    async def _measure(self) -> Reading:
        before = self._now()
        answer = await self._pool.call(Call("/api/time/server"))
        after = self._now()
        seconds = self._server_seconds(answer)
        taken_at = before + (after - before) / 2
        offset, skew = measure(seconds, taken_at)
        if abs(skew) > self._config.max_clock_skew or abs(offset) > WIDEST_ZONE:
            text = f"the server's clock shows UTC and {offset + skew}, which no time zone does"
            raise PlatformUnavailable(text, server=self._config.server)
        clock = WallClock(offset, self._zone, self._config.server_zone_shift)
        if clock.offset_at(taken_at) != offset:
            text = f"the configured zone {self._config.server_zone} disagrees with the measured offset {offset}"
            raise PlatformUnavailable(text, server=self._config.server)
        return Reading(clock, skew, await self._zone_agrees(offset), taken_at)

    def _server_seconds(self, answer: Answer) -> int:
        try:
            return int(answer.record.text("Time").split(" ")[0])
        except (ValueError, Malformed) as error:
            raise PlatformUnavailable("time/server without a time", server=self._config.server) from error

    async def _zone_agrees(self, offset: timedelta) -> bool | None:
        """Whether the server's settings say the same.

        None when it does not tell (a missing right, an old build).
        """
        try:
            settings: Record = (await self._pool.call(Call("/api/time/get"))).record
            minutes = settings.integer("TimeZone", None)
            summer = 60 if settings.integer("DaylightState") else 0
        except (PlatformRejected, Malformed):
            return None
        return timedelta(minutes=minutes + summer) == offset
