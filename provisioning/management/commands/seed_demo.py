from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Fill the demo: four brokerages with staff, clients and history. Goes on where it stopped; then does nothing."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        from provisioning.demo.seed import seed_all
        from provisioning.demo.setup import SeedFailed

        try:
            seed_all(lambda line: self.stdout.write(line))
        except SeedFailed as error:
            raise CommandError(str(error)) from error
