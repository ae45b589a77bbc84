"""Reads of the register. All enter the public scope themselves."""

from __future__ import annotations

from uuid import UUID

from kernel.tenancy import context
from kernel.tenancy.context import TenantRef

from .models import Domain, Tenant, TenantState

SERVED = (TenantState.ACTIVE, TenantState.READ_ONLY, TenantState.SUSPENDED)


def tenant_by_host(host: str) -> tuple[TenantRef, str] | None:
    """The brokerage and surface that a normalised host name belongs to."""
    with context.public():
        domain = Domain.objects.select_related("tenant").filter(host=host).first()
    return (domain.tenant.ref(), domain.surface) if domain else None


def tenant_by_id(tenant_id: UUID | str) -> TenantRef | None:
    with context.public():
        tenant = Tenant.objects.filter(pk=tenant_id).first()
    return tenant.ref() if tenant else None


def tenant_by_slug(slug: str) -> TenantRef | None:
    with context.public():
        tenant = Tenant.objects.filter(slug=slug).first()
    return tenant.ref() if tenant else None


def tenants_at_work() -> list[TenantRef]:
    """Those whose events and tasks are carried out: a suspended broker's money still has to settle."""
    with context.public():
        return [tenant.ref() for tenant in Tenant.objects.filter(state__in=SERVED)]


def primary_host(tenant_id: UUID, surface: str) -> str | None:
    with context.public():
        return (
            Domain.objects.filter(tenant_id=tenant_id, surface=surface)
            .order_by("-primary", "created_at")
            .values_list("host", flat=True)
            .first()
        )


def domains_of(tenant_id: UUID) -> list[Domain]:
    """All host names of a brokerage, the portal's first."""
    with context.public():
        return list(Domain.objects.filter(tenant_id=tenant_id).order_by("-surface", "-primary", "host"))


def schemas_in_use() -> list[str]:
    """Schemas that an upgrade has to bring forward, those of a set-up that was interrupted included."""
    with context.public():
        return list(Tenant.objects.exclude(state=TenantState.DELETED).values_list("schema", flat=True))
