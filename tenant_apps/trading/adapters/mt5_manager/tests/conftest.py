"""A scripted service for each scenario."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tenant_apps.trading.adapters.mt5_manager.tests.scripted import ScriptedService

Scenario = Callable[[ScriptedService], Awaitable[None]]


@pytest.fixture
def play(tmp_path):
    """Run an async scenario with a scripted service of its own."""

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), ScriptedService(tmp_path) as service:
                await scenario(service)

        asyncio.run(main())

    return run
