from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print the demo's addresses, log-ins and the tour."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        from provisioning.demo.guide import guide

        self.stdout.write(guide())
