from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel import messages

SHOWN = 30


class Command(BaseCommand):
    help = "Fail when a complete language lacks a message or has lost a placeholder."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(messages.problems(Path(settings.ROOT)))
        for problem in found[:SHOWN]:
            self.stderr.write(f"{problem.language}: {problem.message!r} {problem.what}")
        if found:
            raise CommandError(
                f"{len(found)} messages need a translator (manage.py messages brings the catalogues up to date)"
            )
        self.stdout.write("All languages are complete")
