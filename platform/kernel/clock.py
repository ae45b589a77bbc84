"""The clock. Everything that asks for the time asks here, so that tests and the demo can move it.

The demo's shift is one number of seconds in Redis, read at most once a second per process. Production never reads it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta

from django.conf import settings

READ_EVERY = 1.0  # seconds: so late may another process see that the clock was moved
_SHIFT_KEY = "rialto:clock:shift"
_frozen: ContextVar[datetime | None] = ContextVar("rialto_clock_frozen", default=None)
_cached: tuple[float, float] = (0.0, 0.0)  # (read at, by time.monotonic; shift in seconds)


def now() -> datetime:
    """The present instant, UTC, timezone-aware, shifted where the clock may be moved."""
    return _frozen.get() or present()


def present() -> datetime:
    """As `now()`, but never a moment of an invented past: for what is measured rather than told."""
    return datetime.now(UTC) + timedelta(seconds=shift())


@contextmanager
def frozen_at(moment: datetime) -> Iterator[None]:
    """Let `now()` be a moment of the past (UTC, aware) for the code inside: how a demo's seed dates what it writes."""
    if not settings.DEMO:
        raise RuntimeError("only a demo has an invented past")
    token = _frozen.set(moment)
    try:
        yield
    finally:
        _frozen.reset(token)


def today() -> date:
    """The UTC calendar date of now()."""
    return now().date()


def shift() -> float:
    """Seconds by which the demo's clock runs ahead of the real one; always 0 outside the demo."""
    global _cached
    if not settings.CLOCK_MOVABLE:
        return 0.0
    read_at, value = _cached
    if time.monotonic() - read_at < READ_EVERY and read_at:
        return value
    from kernel.redis import client

    value = float(client().get(_SHIFT_KEY) or 0)
    _cached = (time.monotonic(), value)
    return value


def advance(by: timedelta) -> datetime:
    """Move the demo's clock forward for all processes. It never goes back: what happened, happened."""
    if not settings.CLOCK_MOVABLE:
        raise RuntimeError("the clock can be moved in a demo only")
    if by < timedelta(0):
        raise ValueError("the clock moves forward only")
    global _cached
    from kernel.redis import client

    client().incrbyfloat(_SHIFT_KEY, by.total_seconds())
    _cached = (0.0, 0.0)
    return now()
