"""Runs for tests: committed for real, and taken away again with everything they made."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connections

from kernel.actors import Actor
from kernel.ids import short_id
from kernel.tenancy import context, schemas
from provisioning import services
from provisioning.executor import advance
from provisioning.models import HandOver, ProvisioningRun
from shared_apps.tenants.models import Domain, Tenant
from tests import spares

OPERATOR = Actor(kind="operator", id="op", label="Olga")


def request(**changes: Any) -> dict[str, Any]:
    return {
        "slug": f"p{short_id(8)}",
        "name": "Nordwind Markets",
        "preset": "eu_retail",
        "owner_email": "owner@example.com",
        "owner_name": "Greta Lind",
        "owner_password": make_password("correct horse battery"),
        "languages": ["de", "en"],
        "look": {"theme": "base", "colour": "#1d4ed8"},
    } | changes


def start(**changes: Any) -> ProvisioningRun:
    with context.public():
        return services.run_start(request=request(**changes), actor=OPERATOR)


def advance_and_die(run: ProvisioningRun, fault: str) -> int:
    """Run the executor in a child that is killed at `fault`; the signal that ended it, or 0."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            os.environ["RIALTO_FAULT"] = fault
            advance(run.pk)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked child must never return into pytest
            os._exit(3)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


KILLED = int(signal.SIGKILL)


def snapshot(run: ProvisioningRun) -> dict[str, Any]:
    """Everything a run makes, without ids and times: equal snapshots are the same result."""
    from kernel.models import AuditEntry
    from tenant_apps.accounts.models import Role, User
    from tenant_apps.branding.models import BrandVersion
    from tenant_apps.notifications.models import Mail

    with context.public():
        run.refresh_from_db()
        tenant = Tenant.objects.get(pk=run.tenant_id)
        found: dict[str, Any] = {
            "state": (run.state, tenant.state, tenant.schema_version),
            "steps": list(run.steps.values_list("key", "state")),
            "hosts": sorted(
                host.replace(tenant.slug, "slug")
                for host in Domain.objects.filter(tenant=tenant).values_list("host", flat=True)
            ),
            "settings": tenant.settings,
            "password_kept": "owner_password" in run.request,
        }
    with context.use(tenant.ref()):
        found["roles"] = sorted(Role.objects.values_list("code", flat=True))
        found["users"] = [
            (user.email, user.name, [role.code for role in user.roles.all()]) for user in User.objects.all()
        ]
        found["brand"] = list(BrandVersion.objects.values_list("number", "state", "tokens"))
        found["mails"] = list(Mail.objects.values_list("to", "template"))
        found["audit"] = sorted(AuditEntry.objects.values_list("action", "actor_label"))
    return found


def nothing_left(run: ProvisioningRun) -> bool:
    """No register row, host or schema of any attempt."""
    with context.public():
        run.refresh_from_db()
        slug = run.request["slug"]
        rows = Tenant.objects.filter(slug=slug).count() + Domain.objects.filter(host__contains=slug).count()
    return rows == 0 and not _orphan_schemas()


def _orphan_schemas() -> set[str]:
    with context.public():
        known = set(Tenant.objects.values_list("schema", flat=True))
    with context.owner("public"), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\_%'")
        return {row[0] for row in cursor.fetchall()} - known - spares.kept()


def remove(run: ProvisioningRun) -> None:
    """After the test."""
    with context.public():
        tenant = Tenant.objects.filter(pk=run.tenant_id).first()
    if tenant:
        schemas.drop_schema(tenant.schema)
        with context.public():
            Domain.objects.filter(tenant=tenant).delete()
            tenant.delete()
    with context.public():
        HandOver.objects.filter(run=run).delete()
        ProvisioningRun.objects.filter(pk=run.pk).delete()
