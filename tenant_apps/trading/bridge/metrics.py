"""How a server's following goes, for console and office: a hash `rialto:bridge:<server id>` in Redis.

Fields: at (epoch seconds of the last round), mode, accounts, positions, deals (since start), round_ms (last round),
p50_ms and p95_ms (deal at the server until committed here, over the last 500), errors, last_error, bridge, tenant.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any
from uuid import UUID

import redis

from kernel.logs import log
from kernel.redis import client

KEPT = 500
SECONDS = 24 * 3600


def key(server_id: UUID | str) -> str:
    return f"rialto:bridge:{server_id}"


def read(server_id: UUID | str) -> dict[str, str]:
    """The hash as it is; empty when the server was never followed or Redis is away."""
    try:
        return {str(name): str(value) for name, value in client().hgetall(key(server_id)).items()}
    except redis.RedisError:
        return {}


class Metrics:
    """Counts in the bridge's process; `write` puts them where others can see them, at most once a second."""

    def __init__(self, server_id: UUID, *, tenant: str, bridge: str) -> None:
        self.server_id = server_id
        self.values: dict[str, Any] = {"tenant": tenant, "bridge": bridge, "deals": 0, "errors": 0, "last_error": ""}
        self.delays: deque[int] = deque(maxlen=KEPT)
        self._written = 0.0

    def deals(self, delays_ms: list[int]) -> None:
        self.values["deals"] += len(delays_ms)
        self.delays.extend(max(0, delay) for delay in delays_ms)

    def failed(self, error: BaseException) -> None:
        self.values["errors"] += 1
        self.values["last_error"] = f"{type(error).__name__}: {error}"[:300]

    def percentiles(self) -> dict[str, int]:
        ordered = sorted(self.delays)
        if not ordered:
            return {}
        return {
            f"p{share}_ms": ordered[min(len(ordered) - 1, -(-len(ordered) * share // 100) - 1)] for share in (50, 95)
        }

    def write(self, *, force: bool = False, **now: Any) -> None:
        if not force and time.monotonic() - self._written < 1.0:
            return
        self._written = time.monotonic()
        try:
            pipe = client().pipeline(transaction=False)
            values = {**self.values, **self.percentiles(), **now}
            pipe.hset(key(self.server_id), mapping={name: str(value) for name, value in values.items()})
            pipe.expire(key(self.server_id), SECONDS)
            pipe.execute()
        except redis.RedisError:
            log.warning("bridge_metrics_lost")
