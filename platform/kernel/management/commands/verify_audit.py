from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel import audit
from kernel.tenancy import context, directory


class Command(BaseCommand):
    help = "Recompute the audit chain of every tenant (or one, by --slug) and report the first broken block."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--slug")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for tenant in directory.at_work():
            if options["slug"] not in (None, tenant.slug):
                continue
            with context.use(tenant):
                verdict = audit.verify()
            word = "ok" if verdict.ok else f"BROKEN at block {verdict.broken_block}: {verdict.problem}"
            self.stdout.write(f"{tenant.slug}: {verdict.blocks} blocks, {verdict.entries} lines, {word}")
            broken += not verdict.ok
        if broken:
            raise CommandError(f"{broken} audit trails are broken")
