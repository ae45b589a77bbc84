"""The kernel's tables, one set per tenant."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from kernel.clock import now
from kernel.ids import uuid7


class Entity(models.Model):
    """Base of rows that are known outside: a version 7 UUID as key, and when the row was made and last written."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        abstract = True


class OutboxMessage(models.Model):
    """An event that is a fact as soon as its transaction commits (kernel.events, kernel.relay)."""

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField(default=uuid7)
    name = models.CharField(max_length=80)
    aggregate = models.CharField(max_length=80)
    payload = models.JSONField()
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)
    available_at = models.DateTimeField(default=now)
    attempts = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        db_table = "kernel_outbox"
        constraints = [models.UniqueConstraint(fields=["message_id"], name="kernel_outbox_message")]
        indexes = [
            models.Index(
                fields=["id"],
                name="kernel_outbox_open",
                condition=models.Q(delivered_at__isnull=True, dead_at__isnull=True),
            ),
            models.Index(
                fields=["aggregate", "id"],
                name="kernel_outbox_aggregate",
                condition=models.Q(delivered_at__isnull=True, dead_at__isnull=True),
            ),
            models.Index(fields=["name", "created_at"], name="kernel_outbox_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.message_id}"


class HandledMessage(models.Model):
    """One row per (message, handler) in the handler's own transaction: what makes at-least-once delivery one effect."""

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField()
    handler = models.CharField(max_length=80)
    at = models.DateTimeField(default=now)
    db_rights = "append"

    class Meta:
        db_table = "kernel_handled"
        constraints = [models.UniqueConstraint(fields=["message_id", "handler"], name="kernel_handled_once")]

    def __str__(self) -> str:
        return f"{self.message_id} {self.handler}"


class InboxMessage(models.Model):
    """An incoming webhook as it came: verified, stored raw, answered, then processed once (kernel.inbox)."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    source = models.CharField(max_length=60)
    event_key = models.CharField(max_length=200)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    received_at = models.DateTimeField(default=now)
    available_at = models.DateTimeField(default=now)
    attempts = models.PositiveSmallIntegerField(default=0)
    processed_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, blank=True)
    about = models.CharField(max_length=40, blank=True, default="", db_default="")  # the id of what it is news of

    class Meta:
        db_table = "kernel_inbox"
        constraints = [models.UniqueConstraint(fields=["source", "event_key"], name="kernel_inbox_once")]
        indexes = [
            models.Index(
                fields=["available_at"],
                name="kernel_inbox_open",
                condition=models.Q(processed_at__isnull=True, dead_at__isnull=True),
            ),
            models.Index(fields=["source", "received_at"], name="kernel_inbox_source"),
            models.Index(fields=["about"], name="kernel_inbox_about", condition=~models.Q(about="")),
            models.Index(fields=["source", "received_at"], name="kernel_inbox_unnamed", condition=models.Q(about="")),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.event_key}"


class CommandState(models.TextChoices):
    PENDING = "pending"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Command(models.Model):
    """A call that changes something in another system (kernel.commands). `id` is the operation id that goes outside."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=60)
    aggregate = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=CommandState.choices, default=CommandState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField(default=now)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    before = models.JSONField(null=True)
    result = models.JSONField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    actor = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        db_table = "kernel_command"
        indexes = [
            models.Index(
                fields=["available_at"],
                name="kernel_command_open",
                condition=models.Q(state__in=["pending", "sending", "unknown"]),
            ),
            models.Index(fields=["aggregate", "created_at"], name="kernel_command_aggregate"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class AbstractAuditEntry(models.Model):
    """Who did what to which object, when, from where and why. Append-only: the database refuses anything else."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=now)
    txid = models.BigIntegerField(db_default=models.expressions.RawSQL("pg_current_xact_id()::text::bigint", []))
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=160)
    on_behalf_of = models.CharField(max_length=160, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=60, blank=True)  # the client it concerns, for the client's timeline
    reason = models.TextField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    db_rights = "append"

    class Meta:
        abstract = True


class AuditEntry(AbstractAuditEntry):
    class Meta:
        db_table = "kernel_audit"
        indexes = [
            models.Index(fields=["txid", "id"], name="kernel_audit_order"),
            models.Index(fields=["object_type", "object_id", "id"], name="kernel_audit_object"),
            models.Index(fields=["subject", "id"], name="kernel_audit_subject"),
            models.Index(fields=["-at"], name="kernel_audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_label}"


class AuditBlock(models.Model):
    """A sealed run of audit entries: SHA-256 over their canonical bytes and the previous block's hash (kernel.audit)."""

    id = models.BigAutoField(primary_key=True)
    last_txid = models.BigIntegerField()
    last_id = models.BigIntegerField()
    entries = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=now)
    db_rights = "append"

    class Meta:
        db_table = "kernel_audit_block"
        constraints = [models.UniqueConstraint(fields=["previous_hash"], name="kernel_audit_block_chain")]

    def __str__(self) -> str:
        return self.hash[:12]


class IdempotencyRecord(models.Model):
    """A request that carried a key: same key and same request, same answer; another request, a conflict."""

    id = models.BigAutoField(primary_key=True)
    scope = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    response = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now, db_default=Now())

    class Meta:
        db_table = "kernel_idempotency"
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="kernel_idempotency_key")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


class Credential(models.Model):
    """A secret of another system, sealed with the tenant's key and bound to this row (kernel.secrets)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.CharField(max_length=80)
    name = models.CharField(max_length=60)
    sealed = models.BinaryField()
    hint = models.CharField(max_length=12, blank=True)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "kernel_credential"
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="kernel_credential_name")]

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


class StoredFile(models.Model):
    """An uploaded or generated file: sealed bytes in the tenant's folder of the store (kernel.files)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=60)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    pages = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        db_table = "kernel_file"
        indexes = [models.Index(fields=["subject", "kind"], name="kernel_file_subject")]

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """A long task that somebody watches: percent, words, state; shown live and by polling."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=60)
    owner = models.CharField(max_length=60)
    state = models.CharField(max_length=10, default="running")
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "kernel_job"

    def __str__(self) -> str:
        return f"{self.kind} {self.percent}%"
