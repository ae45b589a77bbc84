"""Which bridge follows which server. A lease in Redis, renewed; whoever dies loses it.

Correctness does not hang on it: two bridges that follow one server store the same deals once (`ingest`). So when Redis
is away, a bridge carries on rather than standing still.
"""

from __future__ import annotations

from uuid import UUID

import redis

from kernel.logs import log
from kernel.redis import client

SECONDS = 15
_RENEW = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


def _key(server_id: UUID) -> str:
    return f"rialto:bridge:lease:{server_id}"


def hold(server_id: UUID, owner: str) -> bool:
    """Take or renew the lease; False when another bridge has it."""
    try:
        return bool(client().eval(_RENEW, 1, _key(server_id), owner, str(SECONDS * 1000)))
    except redis.RedisError:
        log.warning("lease_unavailable", server=str(server_id))
        return True


def release(server_id: UUID, owner: str) -> None:
    """Give the lease back, so that another bridge need not wait for its end."""
    give_back(_key(server_id), owner)


def give_back(key: str, owner: str) -> None:
    """Delete a lease if it is still the owner's: one that ran out may be another's by now."""
    try:
        client().eval(_RELEASE, 1, key, owner)
    except redis.RedisError:
        log.warning("lease_unavailable", key=key)
