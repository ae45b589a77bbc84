import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Move the demo's clock forward, ours and the trading sandbox's: mails of later weeks come today."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, default=0.0)
        parser.add_argument("--hours", type=float, default=0.0)

    def handle(self, *args: Any, **options: Any) -> None:
        from django.conf import settings

        from kernel import clock
        from kernel.errors import AppError
        from kernel.tenancy import context
        from provisioning.demo.markets import clocks_advance

        by = timedelta(days=options["days"], hours=options["hours"])
        if not settings.DEMO or by < timedelta(0):
            raise CommandError("only a demo's clock can be moved, and only forward")
        try:
            with context.public():
                clocks_advance(by.total_seconds())
        except AppError as error:
            raise CommandError(f"the trading sandbox did not answer: {error}") from error
        moved_to = clock.advance(by)
        time.sleep(clock.READ_EVERY)  # whoever looks at a page next sees the new time on it
        self.stdout.write(f"{moved_to:%Y-%m-%d %H:%M} UTC")
