"""The vendor's own staff, their sessions, their audit trail and their entries into brokerages. Public schema."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.auth import AbstractAccount
from kernel.clock import now
from kernel.ids import uuid7
from kernel.models import AbstractAuditEntry

from .words import ACTIONS


class OperatorRole(models.TextChoices):
    OWNER = "owner", pgettext_lazy("operator role", "Owner")
    SUPPORT = "support", pgettext_lazy("operator role", "Support")
    FINANCE = "finance", pgettext_lazy("operator role", "Finance")


class Operator(AbstractAccount):
    """A person of the vendor. A second factor is always required."""

    role = models.CharField(max_length=10, choices=OperatorRole.choices)

    class Meta:
        db_table = "operators_operator"
        constraints = [models.UniqueConstraint(fields=["email"], name="operators_operator_email")]

    def rights_stamp(self) -> str:
        return self.role


class OperatorSession(AbstractBaseSession):
    """A session of the public scope: console and sign-up."""

    account_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "operators_session"

    @classmethod
    def get_session_store_class(cls) -> type:
        from kernel.sessions import SessionStore

        return SessionStore


class OperatorAuditEntry(AbstractAuditEntry):
    """What operators did: creating, suspending, resuming, entering a brokerage."""

    tenant_id = models.UUIDField(null=True)

    class Meta:
        db_table = "operators_audit"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="operators_audit_tenant"),
            models.Index(fields=["-at"], name="operators_audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_label}"

    @property
    def words(self) -> Any:
        """The act for people; the code where nobody has given it words."""
        return ACTIONS.get(self.action, self.action)


class BreakGlassEntry(models.Model):
    """An operator's entry into a brokerage: a reason, an end, a single-use ticket; ends by itself."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT)
    operator = models.ForeignKey(Operator, on_delete=models.PROTECT)
    reason = models.CharField(max_length=300)
    write = models.BooleanField(default=False)
    ticket_hash = models.CharField(max_length=64)
    ip = models.GenericIPAddressField(null=True)  # the console's visitor; the ticket is good from there only
    created_at = models.DateTimeField(default=now)
    ticket_until = models.DateTimeField()
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operators_break_glass"
        constraints = [models.UniqueConstraint(fields=["ticket_hash"], name="operators_break_glass_ticket")]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="operators_break_glass_tenant"),
            models.Index(
                fields=["until"],
                condition=models.Q(used_at__isnull=False, ended_at__isnull=True),
                name="operators_break_glass_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator} → {self.tenant}"
