"""The register of brokerages. Public schema; the only place that knows which schema belongs to whom."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.ids import uuid7
from kernel.tenancy.context import TenantRef


class TenantState(models.TextChoices):
    """requested → provisioning → active ⇄ read_only ⇄ suspended → offboarding → deleted (tenancy.md, 8)."""

    REQUESTED = "requested", pgettext_lazy("tenant state", "Requested")
    PROVISIONING = "provisioning", pgettext_lazy("tenant state", "Being set up")
    ACTIVE = "active", pgettext_lazy("tenant state", "Active")
    READ_ONLY = "read_only", pgettext_lazy("tenant state", "Read only")
    SUSPENDED = "suspended", pgettext_lazy("tenant state", "Suspended")
    OFFBOARDING = "offboarding", pgettext_lazy("tenant state", "Leaving")
    DELETED = "deleted", pgettext_lazy("tenant state", "Deleted")


class Tenant(models.Model):
    """A brokerage. `schema` is random and never changes; `slug` is its subdomain; `data_key` is wrapped."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=40)
    schema = models.CharField(max_length=63)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=16, choices=TenantState.choices, default=TenantState.REQUESTED)
    cell = models.CharField(max_length=32, default="default")
    data_key = models.BinaryField()
    settings = models.JSONField(default=dict, blank=True)
    plan = models.CharField(max_length=32, default="trial")
    schema_version = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "tenancy_tenant"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="tenancy_tenant_slug"),
            models.UniqueConstraint(fields=["schema"], name="tenancy_tenant_schema"),
            models.CheckConstraint(condition=models.Q(state__in=TenantState.values), name="tenancy_tenant_state_known"),
        ]

    def __str__(self) -> str:
        return self.name

    def ref(self) -> TenantRef:
        return TenantRef(
            id=self.id,
            slug=self.slug,
            schema=self.schema,
            name=self.name,
            state=self.state,
            cell=self.cell,
            data_key=bytes(self.data_key),
            settings=tuple(sorted(self.settings.items(), key=lambda item: item[0])),
        )


class Surface(models.TextChoices):
    PORTAL = "portal", pgettext_lazy("surface", "Trader's portal")
    OFFICE = "office", pgettext_lazy("surface", "Back office")


class Domain(models.Model):
    """A host name of a brokerage: lower case, without port and trailing dot, international names as A-labels."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="domains")
    host = models.CharField(max_length=253)
    surface = models.CharField(max_length=8, choices=Surface.choices)
    primary = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        db_table = "tenancy_domain"
        constraints = [
            models.UniqueConstraint(Lower("host"), name="tenancy_domain_host"),
            models.UniqueConstraint(
                fields=["tenant", "surface"], condition=models.Q(primary=True), name="tenancy_domain_primary"
            ),
        ]

    def __str__(self) -> str:
        return self.host


class Template(models.Model):
    """The template schema's DDL by migration fingerprint; written and read by `kernel.tenancy.schemas`."""

    fingerprint = models.CharField(max_length=64, primary_key=True)
    ddl = models.TextField()
    created_at = models.DateTimeField()
    db_rights = "read"

    class Meta:
        db_table = "tenancy_template"

    def __str__(self) -> str:
        return self.fingerprint[:12]
