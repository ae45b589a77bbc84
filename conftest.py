"""Test databases: real PostgreSQL, one database per worker cloned from a migrated one, tenants by replay, no flush.

Tests that stay in one transaction use `tenant` and `other_tenant` (rolled back). Tests of concurrency, crashes and other
processes use `live_tenant`, a brokerage of their own that is really committed and dropped afterwards.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parent
# Playwright's synchronous API leaves an event loop in the thread of the worker, and Django would take every later test
# of that worker for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_configure() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """Ten thousand collected tests live to the end: going through them again and again took a seventh of the tests' time."""
    gc.enable()
    gc.collect()
    gc.freeze()


def _fingerprint() -> str:
    digest = hashlib.sha256(b"3")
    for path in sorted(ROOT.glob("*/*/migrations/*.py")) + sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    for path in [*sorted((ROOT / "platform/kernel/tenancy").glob("*.py")), *sorted(ROOT.glob("*/*/sql/*.sql"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _admin() -> psycopg.Connection[Any]:
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    return psycopg.connect(url, autocommit=True)


def _point_at(name: str) -> None:
    from django.db import connections

    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def _make_base(name: str) -> None:
    from kernel.tenancy.upgrade import upgrade_public, upgrade_template

    _point_at(name)
    upgrade_public()
    upgrade_template()
    for slug in ("alpha", "beta"):
        make_tenant(slug)
    from django.db import connections

    for alias in ("default", "owner"):
        connections[alias].close()


def make_tenant(slug: str, **settings: Any) -> Any:
    """A served brokerage with its schema, hosts and key, outside the provisioning workflow."""
    from kernel.tenancy import directory
    from shared_apps.tenants import services
    from shared_apps.tenants.models import TenantState
    from tests import spares

    tenant = services.tenant_register(slug=slug, name=slug.title() + " Markets", settings_=settings)
    spares.make(tenant.schema)
    services.domains_ensure(tenant_id=tenant.id, slug=slug)
    services.tenant_state_set(tenant_id=tenant.id, to=TenantState.PROVISIONING)
    services.tenant_state_set(tenant_id=tenant.id, to=TenantState.ACTIVE)
    directory.forget()
    return directory.by_id(tenant.id)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any, worker_id: str) -> Iterator[None]:
    base = f"rialto_base_{_fingerprint()}"
    mine = f"rialto_test_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}_{worker_id}"
    with django_db_blocker.unblock():
        with _admin() as admin:
            admin.execute("SELECT pg_advisory_lock(727274)")
            known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [base]).fetchone()
            if not known:
                admin.execute(f"DROP DATABASE IF EXISTS {base}_new")
                admin.execute(f"CREATE DATABASE {base}_new")
                _make_base(f"{base}_new")
                admin.execute(f"ALTER DATABASE {base}_new RENAME TO {base}")
            admin.execute(f"DROP DATABASE IF EXISTS {mine} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {mine} TEMPLATE {base}")
            admin.execute("SELECT pg_advisory_unlock(727274)")
        _point_at(mine)
    yield
    from tests import spares

    with django_db_blocker.unblock():
        _point_at(mine)
        spares.drop_all()


@pytest.fixture(autouse=True)
def _clean_process_state() -> Iterator[None]:
    """No scope, no remembered tenants and no language cross from one test to the next."""
    from django.utils import translation

    from kernel.tenancy import context, directory

    token = context.enter(None)
    directory.forget()
    with translation.override("en"):
        yield
    context.leave(token)
    directory.forget()


@pytest.fixture
def tenant(db: None) -> Iterator[Any]:
    """Brokerage `alpha`, entered; everything the test writes is rolled back."""
    from kernel.tenancy import context
    from shared_apps.tenants.selectors import tenant_by_slug

    ref = tenant_by_slug("alpha")
    assert ref is not None
    with context.use(ref):
        yield ref


@pytest.fixture
def other_tenant(db: None) -> Any:
    """Brokerage `beta`, not entered."""
    from shared_apps.tenants.selectors import tenant_by_slug

    return tenant_by_slug("beta")


@pytest.fixture
def live_tenants(django_db_setup: None, django_db_blocker: Any) -> Iterator[Callable[..., Any]]:
    """Makes brokerages that are really committed: `live_tenants("gamma")`. They are dropped after the test."""
    from django.db import connections

    from kernel.ids import short_id
    from kernel.tenancy import context
    from shared_apps.tenants.models import Domain, Tenant
    from tests import spares

    made: list[Any] = []

    def make(slug: str = "", **settings: Any) -> Any:
        made.append(make_tenant(slug or f"t{short_id(8)}", **settings))
        return made[-1]

    with django_db_blocker.unblock():
        yield make
        for ref in made:
            spares.give_back(ref.schema)
            with context.public():
                Domain.objects.filter(tenant_id=ref.id).delete()
                Tenant.objects.filter(pk=ref.id).delete()
        connections.close_all()


@pytest.fixture
def live_tenant(live_tenants: Callable[..., Any]) -> Iterator[Any]:
    """One committed brokerage, entered."""
    from kernel.tenancy import context

    ref = live_tenants()
    with context.use(ref):
        yield ref
