"""The contract, and cTrader's own habits, against the sandbox server.

Another program, written from the same document.
"""

from collections.abc import Iterator

import pytest

from tenant_apps.trading.adapters.contract import TradingPlatformContract
from tenant_apps.trading.adapters.ctrader.tests.sandbox import SandboxHarness, SandboxProcess


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("ctrader"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def harness(process: SandboxProcess) -> SandboxHarness:
    return SandboxHarness(process, "contract")


class TestCTraderContract(TradingPlatformContract):
    pass
