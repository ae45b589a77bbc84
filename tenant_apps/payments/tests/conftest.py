"""Sandbox processes for the module, and the brokerage's side of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.tests.support import Sandbox

from .support import portal


@pytest.fixture(scope="session")
def stripe_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("stripe", tmp_path_factory.mktemp("stripe"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def portal_port(live_tenant: Any, settings: Any) -> Iterator[int]:
    """The live brokerage's portal on a socket; addresses built meanwhile carry its port."""
    with portal(live_tenant) as port:
        settings.PUBLIC_PORT_SUFFIX = f":{port}"
        yield port
