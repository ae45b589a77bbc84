"""Schemas that tests use again are as good as new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from kernel.tenancy import context, schemas
from tenant_apps.ledger.selectors import broken_invariants
from tenant_apps.ledger.tests.support import deposit, wallet
from tests import spares

TABLES = """
    SELECT format('SELECT count(*) FROM %%I.%%I', relnamespace::regnamespace, relname) FROM pg_class
    WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND relname <> 'django_migrations'"""


@pytest.fixture(autouse=True)
def _no_others(live_tenants: Callable[..., Any]) -> Iterator[None]:
    kept = spares._spare[:]
    spares._spare.clear()
    yield
    spares._spare.extend(kept)


def _use(tenant: Any) -> None:
    with context.use(tenant):
        deposit(wallet(), 10_000, "d1")
        assert broken_invariants() == {}


def test_one_used_again_is_like_one_just_made(live_tenants: Callable[..., Any]) -> None:
    used, fresh = live_tenants(), live_tenants()
    _use(used)
    spares.give_back(used.schema)
    again = live_tenants()

    with context.owner(context.PUBLIC_SCHEMA), connections[schemas.OWNER].cursor() as cursor:
        assert spares._structure_of(cursor, again.schema) == spares._structure_of(cursor, fresh.schema)
        cursor.execute(TABLES, [again.schema])
        cursor.execute(" UNION ".join(query for (query,) in cursor.fetchall()))
        assert cursor.fetchall() == [(0,)]
    assert not schemas.schema_exists(used.schema)
    _use(again)


@pytest.mark.parametrize("change", ["CREATE TABLE {}.more (id int)", "REVOKE SELECT ON {}.ledger_entry FROM r_{}"])
def test_one_that_was_changed_is_dropped(live_tenants: Callable[..., Any], change: str) -> None:
    tenant = live_tenants()
    with context.owner(context.PUBLIC_SCHEMA), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(change.format(tenant.schema, tenant.schema))

    spares.give_back(tenant.schema)

    assert not schemas.schema_exists(tenant.schema)
