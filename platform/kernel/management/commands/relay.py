from typing import Any

from django.core.management.base import BaseCommand

from kernel.relay import Relay


class Command(BaseCommand):
    help = "Deliver outbox messages to their handlers, for all tenants, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        Relay().run()
