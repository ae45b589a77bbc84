"""Which brokerage the running code works for: one ContextVar, read by database, cache, files, logs, tasks and keys.

There is no default. Code that asks outside a scope gets `NoScope`, never the public schema and never the last tenant
of the thread. Async views, threads started through asgiref and tasks each carry their own copy of the variable.

The database wrapper compares this variable with what it last told the server before every cursor, so there is no
second place that could disagree with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

PUBLIC_SCHEMA = "public"
PUBLIC_ROLE = "rialto_public"
EXTENSION_SCHEMA = "extensions"


class NoScope(RuntimeError):
    """Code that needs a tenant (or the public scope) ran without one."""


@dataclass(frozen=True, slots=True)
class TenantRef:
    """What every layer may know of a tenant without a query. Immutable; a changed tenant is a new object."""

    id: UUID
    slug: str
    schema: str
    name: str
    state: str
    cell: str = "default"
    data_key: bytes = field(default=b"", repr=False)
    settings: tuple[tuple[str, Any], ...] = field(default=(), repr=False)

    @property
    def role(self) -> str:
        return f"r_{self.schema}"

    def setting(self, name: str, default: Any = None) -> Any:
        return dict(self.settings).get(name, default)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a database connection must be set to. `role` None means the login itself: migrations only."""

    kind: str  # "tenant", "public" or "owner"
    schema: str
    role: str | None
    tenant: TenantRef | None = None


_scope: ContextVar[Scope | None] = ContextVar("rialto_scope", default=None)
_PUBLIC = Scope("public", PUBLIC_SCHEMA, PUBLIC_ROLE)


def scope() -> Scope:
    """The present scope. Raises NoScope when there is none."""
    current = _scope.get()
    if current is None:
        raise NoScope("no tenant and no public scope is set here")
    return current


def scope_or_none() -> Scope | None:
    return _scope.get()


def tenant() -> TenantRef:
    """The present tenant. Raises NoScope in the public scope too."""
    current = scope()
    if current.tenant is None:
        raise NoScope(f"this needs a tenant, the scope is {current.kind}")
    return current.tenant


def tenant_or_none() -> TenantRef | None:
    current = _scope.get()
    return current.tenant if current else None


@contextmanager
def _entered(new: Scope) -> Iterator[Scope]:
    token = _scope.set(new)
    try:
        yield new
    finally:
        _scope.reset(token)


@contextmanager
def use(ref: TenantRef) -> Iterator[TenantRef]:
    """Work for one tenant. Nests and restores; safe across threads, tasks and coroutines."""
    with _entered(Scope("tenant", ref.schema, ref.role, ref)):
        yield ref


@contextmanager
def public() -> Iterator[None]:
    """Work on the shared tables: tenants, domains, operators, provisioning."""
    with _entered(_PUBLIC):
        yield


@contextmanager
def owner(schema: str) -> Iterator[None]:
    """Migrations and provisioning only: the login's own rights, on the connection alias "owner"."""
    with _entered(Scope("owner", schema, None)):
        yield


def enter(new: Scope | None) -> Any:
    """For middleware and task bases, which leave through `leave(token)` in a finally."""
    return _scope.set(new)


def leave(token: Any) -> None:
    _scope.reset(token)


def tenant_scope(ref: TenantRef) -> Scope:
    return Scope("tenant", ref.schema, ref.role, ref)


def public_scope() -> Scope:
    return _PUBLIC
