"""Two populated brokerages for the whole of a worker's session; what a test changes is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .world import Brokerage, build, operators


@pytest.fixture(scope="session")
def brokerages(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[tuple[Brokerage, Brokerage]]:
    from django.conf import settings
    from django.db import connections

    from conftest import make_tenant
    from kernel.ids import short_id
    from kernel.tenancy import context, schemas
    from shared_apps.tenants.models import Domain, Tenant

    with django_db_blocker.unblock():
        settings.FILES_ROOT = tmp_path_factory.mktemp("files")
        made = [build(make_tenant(f"i{short_id(8)}"), seed) for seed in (1, 11)]
        connections.close_all()
        yield made[0], made[1]
        for brokerage in made:
            schemas.drop_schema(brokerage.ref.schema)
            with context.public():
                Domain.objects.filter(tenant_id=brokerage.ref.id).delete()
                Tenant.objects.filter(pk=brokerage.ref.id).delete()
        connections.close_all()


@pytest.fixture
def here(brokerages: tuple[Brokerage, Brokerage], db: None) -> Brokerage:
    """The brokerage whose pages are called."""
    return brokerages[0]


@pytest.fixture
def there(brokerages: tuple[Brokerage, Brokerage], db: None) -> Brokerage:
    """The other one, whose things must stay out of reach."""
    return brokerages[1]


@pytest.fixture(scope="session")
def operator_cookies(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, str]]:
    with django_db_blocker.unblock(), operators() as cookies:
        yield cookies
