"""Host and id to tenant, from a process cache. The kernel does not know the register's app: settings name its reader.

An entry lives `SECONDS`; a change of a tenant bumps a counter in Redis that is looked at once a second, so that a
suspension is obeyed by every process within a second, without a query per request.
"""

from __future__ import annotations

import time
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import UUID

from django.conf import settings

from kernel.tenancy.context import TenantRef

SECONDS = 30.0
_VERSION_KEY = "rialto:tenants:version"
_entries: dict[tuple[str, str], tuple[float, Any]] = {}
_version: tuple[float, str] = (0.0, "")


@cache
def _reader() -> ModuleType:
    return import_module(settings.TENANT_DIRECTORY)


def normalise_host(host: str) -> str:
    """`T7.Example.COM.:8000` → `t7.example.com`; international names become A-labels. Empty when unusable."""
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    name = name.partition(":")[0].rstrip(".")
    try:
        return name.encode("idna").decode("ascii") if name else ""
    except UnicodeError:
        return ""


def _remembered(kind: str, key: str, load: Any) -> Any:
    _forget_when_changed()
    entry = _entries.get((kind, key))
    if entry and time.monotonic() - entry[0] < SECONDS:
        return entry[1]
    value = load()
    if len(_entries) > 20_000:
        _entries.clear()  # unknown hosts are remembered too; an attacker must not fill the memory
    _entries[(kind, key)] = (time.monotonic(), value)
    return value


def _forget_when_changed() -> None:
    global _version
    looked_at, version = _version
    if time.monotonic() - looked_at < 1.0:
        return
    import redis

    from kernel.redis import client

    try:
        current = client().get(_VERSION_KEY) or ""
    except redis.RedisError:
        current = version  # without Redis the entries' own age limits how stale they get
    if current != version:
        _entries.clear()
    _version = (time.monotonic(), str(current))


def changed() -> None:
    """Call after a tenant or domain has changed, on commit."""
    from kernel.redis import client

    client().incr(_VERSION_KEY)
    forget()


def forget() -> None:
    global _version
    _entries.clear()
    _version = (0.0, "")


def by_host(host: str) -> tuple[TenantRef, str] | None:
    """Tenant and surface ("portal", "office") of a normalised host, or None."""
    return _remembered("host", host, lambda: _reader().tenant_by_host(host))


def by_id(tenant_id: UUID | str) -> TenantRef | None:
    return _remembered("id", str(tenant_id), lambda: _reader().tenant_by_id(tenant_id))


def at_work() -> list[TenantRef]:
    """Tenants whose background work is done; remembered briefly."""
    return _remembered("list", "at_work", lambda: _reader().tenants_at_work())


def schemas_in_use() -> list[str]:
    """Schemas that an upgrade has to bring forward; never remembered."""
    return list(_reader().schemas_in_use())


def host_of(ref: TenantRef, surface: str) -> str:
    """The primary host of a surface; mails link here, never to the host of a request."""
    found = _remembered("primary", f"{ref.id}:{surface}", lambda: _reader().primary_host(ref.id, surface))
    if found is None:
        raise LookupError(f"{ref.slug} has no {surface} domain")
    return found


def absolute_url(ref: TenantRef, surface: str, path: str) -> str:
    return f"{settings.PUBLIC_SCHEME}://{host_of(ref, surface)}{settings.PUBLIC_PORT_SUFFIX}{path}"
