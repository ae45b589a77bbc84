"""``manage.py new_provider NAME FOLDER``: a package with an adapter, its sandbox and its contract tests, which pass as they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenant_apps.payments.registry import BUILT_IN, LONGEST_KIND

TEMPLATE = Path(settings.ROOT) / "docs" / "templates" / "provider"
STANDS_FOR = "acmepay"
SUFFIXES = {".py", ".toml", ".md"}


def write_package(name: str, folder: Path) -> list[Path]:
    """Copy the template under another name; `folder` must not exist. Returns what was written."""
    written = []
    for source in sorted(TEMPLATE.rglob("*")):
        if source.suffix not in SUFFIXES:
            continue
        target = folder / _renamed(str(source.relative_to(TEMPLATE)), name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        written.append(target)
    return written


def _renamed(text: str, name: str) -> str:
    return text.replace(STANDS_FOR, name).replace(STANDS_FOR.title(), name.title())


class Command(BaseCommand):
    help = "Write a package with a new payment adapter, its sandbox and its tests."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=f"the kind: lower case letters and digits, up to {LONGEST_KIND}")
        parser.add_argument("folder", type=Path, help="where to write it; must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        name, folder = options["name"], options["folder"]
        if not re.fullmatch(rf"[a-z][a-z0-9]{{1,{LONGEST_KIND - 1}}}", name):
            raise CommandError(f"{name} is no kind: lower case letters and digits, up to {LONGEST_KIND}")
        if name in BUILT_IN or name in {"sandbox", "kernel", "config", "tests"}:
            raise CommandError(f"{name} is taken")
        if folder.exists():
            raise CommandError(f"{folder} is there already")
        for path in write_package(name, folder):
            self.stdout.write(str(path))
