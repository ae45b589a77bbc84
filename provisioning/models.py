"""The journal of setting brokerages up. Public schema."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.ids import uuid7


class RunState(models.TextChoices):
    RUNNING = "running", pgettext_lazy("set-up state", "Running")
    COMPENSATING = "compensating", pgettext_lazy("set-up state", "Being undone")
    FAILED = "failed", pgettext_lazy("set-up state", "Failed")
    DONE = "done", pgettext_lazy("set-up state", "Done")


class StepState(models.TextChoices):
    TODO = "todo", pgettext_lazy("set-up step", "Waiting")
    RUNNING = "running", pgettext_lazy("set-up step", "Running")
    DONE = "done", pgettext_lazy("set-up step", "Done")
    FAILED = "failed", pgettext_lazy("set-up step", "Failed")
    UNDONE = "undone", pgettext_lazy("set-up step", "Undone")


class ProvisioningRun(models.Model):
    """One brokerage being made. `request` is what was asked for; the owner's password is in it only as a hash.

    `tenant_id` is chosen before anything exists, so every step finds what an earlier attempt made.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField(default=uuid7)
    request = models.JSONField()
    requested_by = models.JSONField(default=dict)  # an actor without rights: who pressed the button
    state = models.CharField(max_length=12, choices=RunState.choices, default=RunState.RUNNING)
    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(default=now)
    available_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=60, blank=True)  # a code; people read `words.explain`
    technical = models.TextField(blank=True)

    class Meta:
        db_table = "provisioning_run"
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="provisioning_run_state_known")
        ]
        indexes = [
            models.Index(
                fields=["available_at"],
                condition=models.Q(state__in=["running", "compensating"]),
                name="provisioning_run_due",
            ),
            models.Index(fields=["tenant_id"], name="provisioning_run_tenant"),
            models.Index(fields=["-created_at"], name="provisioning_run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.request.get('slug')} {self.state}"

    @property
    def seconds(self) -> float | None:
        """From the button to the end, in seconds."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class ProvisioningStep(models.Model):
    """A line of the journal. Written in the transaction of the step's own effects wherever those are ours."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ProvisioningRun, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=30)
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.TODO)
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=60, blank=True)
    technical = models.TextField(blank=True)

    class Meta:
        db_table = "provisioning_step"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="provisioning_step_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class HandOver(models.Model):
    """A single-use way from the site into a new office, for the person who has just set it up. Kept as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    run = models.ForeignKey(ProvisioningRun, on_delete=models.CASCADE)
    ticket_hash = models.CharField(max_length=64)
    valid_until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provisioning_hand_over"
        constraints = [models.UniqueConstraint(fields=["ticket_hash"], name="provisioning_hand_over_ticket")]

    def __str__(self) -> str:
        return str(self.run_id)
