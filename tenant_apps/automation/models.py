"""Rules: when something happens (or does not) to a client, do something. Versioned, logged, never twice."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.models import Entity
from tenant_apps.clients.models import Client


class Rule(Entity):
    """A named rule; `number` is the version in force. `key` is stable, for the product's own rules."""

    key = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    active = models.BooleanField(default=False)
    number = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "automation_rule"
        constraints = [models.UniqueConstraint(fields=["key"], name="automation_rule_key")]

    def __str__(self) -> str:
        return self.name


class RuleVersion(models.Model):
    """What a rule said from `published_at` on; never changed. Shapes: automation.definitions."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    trigger = models.JSONField()
    conditions = models.JSONField(null=True)
    actions = models.JSONField()
    published_at = models.DateTimeField(default=now)
    author = models.CharField(max_length=160)
    db_rights = "append"

    class Meta:
        db_table = "automation_version"
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="automation_version_number")]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.number}"


class RunState(models.TextChoices):
    DONE = "done", pgettext_lazy("automation run", "Done")
    SKIPPED = "skipped", pgettext_lazy("automation run", "Conditions not met")
    FAILED = "failed", pgettext_lazy("automation run", "Failed")


class RuleRun(models.Model):
    """That a rule met an occurrence of a client, once: whichever version, however often the event is delivered.

    `occurrence` names what happened: the event's message id, the id of the event nothing followed, or a period's date.
    """

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(RuleVersion, on_delete=models.PROTECT, related_name="runs")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    occurrence = models.CharField(max_length=60)
    state = models.CharField(max_length=8, choices=RunState.choices)
    result = models.JSONField(default=list)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "automation_run"
        constraints = [
            models.UniqueConstraint(fields=["rule", "client", "occurrence"], name="automation_run_once"),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="automation_run_newest"),
            models.Index(fields=["client", "-at"], name="automation_run_client"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.client_id} {self.state}"


class Wait(models.Model):
    """Somebody for whom a rule waits until `due_at` whether something happens; gone when it does."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="waits")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    occurrence = models.CharField(max_length=60)
    since = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        db_table = "automation_wait"
        constraints = [models.UniqueConstraint(fields=["rule", "client", "occurrence"], name="automation_wait_once")]
        indexes = [
            models.Index(fields=["due_at"], name="automation_wait_due"),
            models.Index(fields=["client"], name="automation_wait_client"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.client_id} until {self.due_at:%F %T}"
