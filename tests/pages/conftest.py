"""A brokerage, a server that serves it and a browser, each once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.layout import ROOT
from tests.ui.conftest import browser  # noqa: F401

from .world import World, make, unmake


@pytest.fixture(scope="session")
def pages_state(tmp_path_factory: Any) -> Path:
    """The folder of what is not in the database, for this process and the server."""
    return Path(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def world(django_db_setup: None, django_db_blocker: Any, pages_state: Path) -> Iterator[World]:
    from django.conf import settings
    from django.db import connections

    from conftest import make_tenant
    from kernel.ids import short_id
    from kernel.tenancy import context, schemas
    from shared_apps.tenants.models import Domain, Tenant

    with django_db_blocker.unblock():
        settings.CLOCK_MOVABLE, settings.MENU_COUNTS_KEPT = True, 5  # as the server has them
        settings.FILES_ROOT = pages_state / "files"
        ref = make_tenant(f"p{short_id(8)}", languages=["en", "ar"])
        made = make(ref)
        connections.close_all()
        yield made
        settings.CLOCK_MOVABLE, settings.MENU_COUNTS_KEPT = False, 0
        unmake(made)
        schemas.drop_schema(ref.schema)
        with context.public():
            Domain.objects.filter(tenant_id=ref.id).delete()
            Tenant.objects.filter(pk=ref.id).delete()
        connections.close_all()


@pytest.fixture(scope="session")
def port(world: World, pages_state: Path) -> Iterator[int]:
    """Of a server with the same database as this worker's."""
    from django.db import connections

    def url(alias: str) -> str:
        values = connections[alias].settings_dict
        return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**values)

    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.pages.settings",
        "DATABASE_URL": url("default"),
        "DATABASE_OWNER_URL": url("owner"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "RIALTO_STATE": str(pages_state),
        "RIALTO_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", "0", "--no-access-log"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if "Uvicorn running on" in line:
            break
    else:
        pytest.fail("the server did not start:\n" + "".join(seen))
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    yield int(line.split("running on ")[1].split()[0].rpartition(":")[2])
    process.terminate()
    process.wait(10)
    drain.wait(10)
