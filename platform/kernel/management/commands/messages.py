from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from kernel import messages


class Command(BaseCommand):
    help = "Bring the message catalogues of all languages up to what the source says."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.ROOT)
        for language in messages.languages():
            self.stdout.write(f"{language}: {messages.update(root, language)} messages without a translation")
