"""The outside world of these tests: a payment provider and a trading server, as the processes they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.tests.support import Sandbox
from tenant_apps.trading.adapters.mt5.tests.sandbox import SandboxProcess


@pytest.fixture(scope="session")
def stripe_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("stripe", tmp_path_factory.mktemp("stripe"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def trading_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("mt5"))
    process.start()
    yield process
    process.stop()
