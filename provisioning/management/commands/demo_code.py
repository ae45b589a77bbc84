from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Print the present second-factor code of an account of the demo."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="for example anna.agent@nordwind.example")

    def handle(self, *args: Any, **options: Any) -> None:
        from django.conf import settings

        from provisioning.demo.codes import code_now

        if not settings.DEMO:
            raise CommandError("there are such codes in a demo only (RIALTO_DEMO=1)")
        code, seconds = code_now(options["email"])
        self.stdout.write(f"{code}  (for {seconds} more seconds; each code works once)")
