"""Writes of the register. Each enters the public scope itself and tells all processes on commit."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from kernel import clock, secrets
from kernel.ids import uuid7
from kernel.tenancy import context, directory, schemas

from .errors import SlugRefused, SlugReserved, SlugTaken, StateRefused
from .models import Domain, Surface, Tenant, TenantState

_SLUG = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){2,29}")
RESERVED = frozenset(
    [
        "admin",
        "api",
        "app",
        "assets",
        "auth",
        "billing",
        "blog",
        "cdn",
        "console",
        "dashboard",
        "demo",
        "dev",
        "docs",
        "email",
        "ftp",
        "help",
        "internal",
        "live",
        "login",
        "mail",
        "media",
        "ns",
        "office",
        "partner",
        "partners",
        "portal",
        "rialto",
        "root",
        "sandbox",
        "security",
        "signup",
        "site",
        "smtp",
        "stage",
        "staging",
        "static",
        "status",
        "support",
        "system",
        "test",
        "vendor",
        "webhook",
        "webhooks",
        "www",
    ]
)
TRANSITIONS: dict[str, frozenset[str]] = {
    TenantState.REQUESTED: frozenset({TenantState.PROVISIONING, TenantState.DELETED}),
    TenantState.PROVISIONING: frozenset({TenantState.ACTIVE, TenantState.DELETED}),
    TenantState.ACTIVE: frozenset({TenantState.READ_ONLY, TenantState.SUSPENDED, TenantState.OFFBOARDING}),
    TenantState.READ_ONLY: frozenset({TenantState.ACTIVE, TenantState.SUSPENDED}),
    TenantState.SUSPENDED: frozenset({TenantState.ACTIVE, TenantState.READ_ONLY, TenantState.OFFBOARDING}),
    TenantState.OFFBOARDING: frozenset({TenantState.DELETED}),
    TenantState.DELETED: frozenset(),
}


def check_slug(slug: str) -> str:
    """A usable, free subdomain, in lower case. Raises SlugRefused or SlugTaken."""
    name = slug.strip().lower()
    if name in RESERVED:
        raise SlugReserved(field="slug")
    if not _SLUG.fullmatch(name):
        raise SlugRefused(field="slug")
    with context.public():
        if Tenant.objects.filter(slug=name).exists():
            raise SlugTaken(field="slug")
    return name


def tenant_register(
    *, slug: str, name: str, settings_: dict[str, Any] | None = None, tenant_id: UUID | None = None
) -> Tenant:
    """Reserve slug and schema name, make the data key. With a known `tenant_id` it returns that tenant."""
    with context.public(), transaction.atomic():
        if tenant_id and (known := Tenant.objects.filter(pk=tenant_id).first()):
            return known
        chosen = tenant_id or uuid7()
        try:
            with transaction.atomic():
                return Tenant.objects.create(
                    id=chosen,
                    slug=check_slug(slug),
                    schema=schemas.new_schema_name(),
                    name=name.strip(),
                    data_key=secrets.new_data_key(chosen),
                    settings=settings_ or {},
                )
        except IntegrityError as error:
            raise SlugTaken(field="slug") from error


def tenant_settings_merge(*, tenant_id: UUID, changes: dict[str, Any]) -> Tenant:
    """Change what the register keeps of a brokerage for every request (languages, theme, brand version)."""
    with context.public(), transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
        tenant.settings = {**tenant.settings, **changes}
        tenant.changed_at = clock.now()
        tenant.save(update_fields=["settings", "changed_at"])
        transaction.on_commit(directory.changed)
    return tenant


def tenant_state_set(*, tenant_id: UUID, to: str) -> Tenant:
    """Move a brokerage along its life cycle, by compare-and-set. Already there is fine. Raises StateRefused."""
    with context.public(), transaction.atomic():
        tenant = Tenant.objects.get(pk=tenant_id)
        if tenant.state == to:
            return tenant
        if to not in TRANSITIONS[tenant.state]:
            raise StateRefused
        moved = Tenant.objects.filter(pk=tenant_id, state=tenant.state).update(state=to, changed_at=clock.now())
        if not moved:
            raise StateRefused
        transaction.on_commit(directory.changed)
        tenant.state = to
    return tenant


def default_hosts(slug: str) -> dict[str, str]:
    """The platform's own hosts for a brokerage: portal and office."""
    domain = settings.PLATFORM_DOMAIN
    return {Surface.PORTAL: f"{slug}.{domain}", Surface.OFFICE: f"office.{slug}.{domain}"}


def domains_ensure(*, tenant_id: UUID, slug: str) -> None:
    """Make the platform's own host names of a brokerage; verified because they are ours. Idempotent."""
    with context.public(), transaction.atomic():
        for surface, host in default_hosts(slug).items():
            Domain.objects.get_or_create(
                host=host,
                defaults={
                    "tenant_id": tenant_id,
                    "surface": surface,
                    "primary": True,
                    "verified_at": clock.now(),
                },
            )
        transaction.on_commit(directory.changed)
