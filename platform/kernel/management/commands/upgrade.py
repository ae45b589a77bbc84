from typing import Any

from django.core.management.base import BaseCommand

from kernel.tenancy import directory
from kernel.tenancy.upgrade import upgrade_public, upgrade_template, upgrade_tenants


class Command(BaseCommand):
    help = "Bring the shared tables, the template and every tenant's schema to this release. Safe to run again."
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        upgrade_public(self.stdout.write)
        self.stdout.write("shared tables: up to date")
        captured = upgrade_template(self.stdout.write)
        self.stdout.write(f"template: {len(captured.migrations)} new migrations")
        schemas = directory.schemas_in_use()
        upgrade_tenants(schemas, captured, self.stdout.write)
        self.stdout.write(f"tenants: {len(schemas)} up to date")
