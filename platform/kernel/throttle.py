"""Rate limits: a token bucket per name in Redis, counted atomically. Without Redis, limits are not enforced but logged."""

from __future__ import annotations

import ipaddress

import redis

from kernel.errors import TooMany
from kernel.logs import log
from kernel.redis import client
from kernel.tenancy import context

_BUCKET = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local burst, per_second = tonumber(ARGV[1]), tonumber(ARGV[2])
local tokens = math.min(burst, (tonumber(state[1]) or burst) + (now - (tonumber(state[2]) or now)) * per_second)
local allowed = 0
if tokens >= 1 then tokens = tokens - 1; allowed = 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / per_second) + 1)
return {allowed, tostring((1 - tokens) / per_second)}
"""

_COUNT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return n
"""


def check(name: str, key: str, *, burst: int, per_minute: float) -> None:
    """Take a token or raise TooMany with `retry_after` in seconds. Buckets belong to the tenant."""
    try:
        allowed, wait = client().eval(_BUCKET, 1, _key("rate", name, key), burst, per_minute / 60)
    except redis.RedisError:
        log.warning("rate_limit_unavailable", limit=name)
        return
    if not int(allowed):
        raise TooMany(retry_after=max(1, round(float(wait))))


def place(ip: str | None) -> str:
    """Where a request comes from, as limits count it: an IPv4 address, of IPv6 the network that one customer is given.

    A customer has 2^64 addresses in their network, and would have as many buckets.
    """
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return ip or "-"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


def worth_a_line(name: str, key: str, *, seconds: int = 600) -> int:
    """How often this happened within `seconds` of its first time, if that is worth a line: the 1st, 10th, 100th … time.

    Else 0. For what anybody may do as often as they like and what must not fill the audit trail. Without Redis each time
    is worth its line.
    """
    try:
        times = int(client().eval(_COUNT, 1, _key("count", name, key), seconds))
    except redis.RedisError:
        return 1
    return times if str(times).strip("0") == "1" else 0


def _key(kind: str, name: str, key: str) -> str:
    scope = context.scope()
    return f"rialto:{kind}:{scope.tenant.id if scope.tenant else scope.kind}:{name}:{key}"
