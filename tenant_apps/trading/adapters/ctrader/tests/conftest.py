"""A scripted server for each scenario."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tenant_apps.trading.adapters.ctrader.tests.scripted import ScriptedServer

Scenario = Callable[[ScriptedServer], Awaitable[None]]


@pytest.fixture
def play(tmp_path):
    """Run an async scenario with a scripted server of its own."""

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), ScriptedServer(tmp_path) as server:
                await scenario(server)

        asyncio.run(main())

    return run
