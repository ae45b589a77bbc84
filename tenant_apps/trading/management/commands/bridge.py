import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from tenant_apps.trading.bridge.runner import Bridge


class Command(BaseCommand):
    help = "Follow the trading servers of all brokerages until stopped; any number may run."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_run())


async def _run() -> None:
    await Bridge().run()
