"""Advisory locks within a transaction, named by what they protect, always taken in sorted order."""

from __future__ import annotations

import hashlib

from django.db import connection, transaction

from kernel.tenancy import context


def _number(name: str) -> int:
    """Advisory locks are shared by the whole database, so the tenant is part of the name."""
    scope = context.scope()
    owner = str(scope.tenant.id) if scope.tenant else scope.kind
    return int.from_bytes(hashlib.blake2b(f"{owner}:{name}".encode(), digest_size=8).digest(), "big", signed=True)


def hold(*names: str) -> None:
    """Wait for the locks; they end with the transaction. Outside one this is a defect and raises."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a lock is held by a transaction")
    with connection.cursor() as cursor:
        for number in sorted(_number(name) for name in set(names)):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def try_hold(name: str) -> bool:
    """Take the lock if nobody has it."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a lock is held by a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(name)])
        return bool(cursor.fetchone()[0])
