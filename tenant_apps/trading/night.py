"""The nightly comparison: every server once, soon after midnight (UTC), for the close of the day that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import redis

from kernel import clock
from kernel.errors import Outside
from kernel.ids import uuid7
from kernel.logs import log
from kernel.redis import client, tenant_key

from .bridge import lease
from .compare import WHOLE, Findings, compare
from .models import Comparison, TradingServer

GRACE = timedelta(minutes=15)  # after midnight: for what began before it and is still under way
LONGEST = timedelta(hours=1)  # after which a comparison whose process died may be begun again


def last_day() -> date:
    """The day whose close a comparison of now is for: the last one that is over."""
    return clock.today() - timedelta(days=1)


def compare_night() -> list[Findings]:
    """Everything, of each enabled server that was not compared as a whole since the last midnight. One that cannot be asked
    does not stop the others, and is asked again the next time."""
    now, day = clock.now(), last_day()
    if now - now.replace(hour=0, minute=0, second=0, microsecond=0) < GRACE:
        return []
    results = []
    for server in TradingServer.objects.filter(enabled=True):
        with _alone(server) as alone:
            if not alone or Comparison.objects.filter(server=server, day=day, whole=True).exists():
                continue
            try:
                results.append(compare(server, since=now - WHOLE, day=day, whole=True))
            except Outside as error:
                log.warning("compare_failed", server=server.name, error=str(error)[:200])
    return results


@contextmanager
def _alone(server: TradingServer) -> Iterator[bool]:
    """Whether nobody else compares this server now. Without Redis it is compared all the same: twice is only twice the work."""
    key, owner = tenant_key("trading", "night", server.pk), uuid7().hex
    try:
        taken = bool(client().set(key, owner, nx=True, ex=int(LONGEST.total_seconds())))
    except redis.RedisError:
        log.warning("lease_unavailable", server=str(server.pk))
        yield True
        return
    try:
        yield taken
    finally:
        if taken:
            lease.give_back(key, owner)
