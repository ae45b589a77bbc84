"""The one place that opens Redis/Valkey connections. Losing Redis loses nothing that matters."""

from __future__ import annotations

from functools import cache

import redis
import redis.asyncio
from django.conf import settings


@cache
def client() -> redis.Redis:
    """Process-wide client with a pool; text in, text out. Keys carry the tenant's id: use `tenant_key`."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=30,
    )


def async_client() -> redis.asyncio.Redis:
    """A new asyncio client; its owner closes it."""
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, decode_responses=True)


def tenant_key(*parts: object) -> str:
    """A key of the current tenant. Raises NoScope outside a tenant, so no key is ever shared by accident."""
    from kernel.tenancy import context

    return ":".join(["rialto", "t", str(context.tenant().id), *map(str, parts)])
