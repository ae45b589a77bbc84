"""The sales pipeline: statuses, distribution rules, calls, saved views."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.models import Entity


class Phase(models.TextChoices):
    OPEN = "open", pgettext_lazy("pipeline phase", "Open")
    WON = "won", pgettext_lazy("pipeline phase", "Won")
    LOST = "lost", pgettext_lazy("pipeline phase", "Lost")


class PipelineStatus(Entity):
    """A column of the pipeline. `code` stands in Client.status and never changes; name, colour and order may."""

    code = models.CharField(max_length=30)
    name = models.CharField(max_length=60)
    tone = models.CharField(max_length=10, default="neutral")
    phase = models.CharField(max_length=5, choices=Phase.choices, default=Phase.OPEN)
    position = models.PositiveSmallIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "leads_status"
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["code"], name="leads_status_code")]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """In the viewer's language while the broker has not renamed it."""
        from .defaults import STATUS_NAMES, STATUSES

        default = next((one for one in STATUSES if one[0] == self.code), None)
        return str(STATUS_NAMES[self.code]) if default and default[1] == self.name else self.name


class Method(models.TextChoices):
    ROUND_ROBIN = "round_robin", pgettext_lazy("distribution", "In turn")
    WEIGHTED = "weighted", pgettext_lazy("distribution", "By weight")
    LEAST_LOADED = "least_loaded", pgettext_lazy("distribution", "Fewest open leads first")


class LeadRule(Entity):
    """Which leads go to whom. Rules are asked in order of `position`; the first that matches and has room takes it.

    `conditions`: {"countries": [...], "languages": [...], "sources": [...], "campaigns": [...], "partners": [...]};
    an empty list asks nothing. Takers are named agents, or all active members of `team_id`.
    """

    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField()
    active = models.BooleanField(default=True)
    conditions = models.JSONField(default=dict)
    team_id = models.UUIDField(null=True, blank=True)
    method = models.CharField(max_length=12, choices=Method.choices, default=Method.ROUND_ROBIN)
    cap_open = models.PositiveIntegerField(null=True, blank=True)  # open leads per agent at most
    cap_day = models.PositiveIntegerField(null=True, blank=True)  # leads per agent and UTC day at most
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "leads_rule"
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class RuleAgent(models.Model):
    """An agent's share in a rule: weight, and how many leads the rule gave, which is whose turn it is."""

    rule = models.ForeignKey(LeadRule, on_delete=models.CASCADE, related_name="agents")
    user_id = models.UUIDField()
    weight = models.PositiveSmallIntegerField(default=1)
    given = models.PositiveIntegerField(default=0)
    given_at = models.DateTimeField(null=True)
    named = models.BooleanField(default=True)  # False: kept for a member of the rule's team

    class Meta:
        db_table = "leads_rule_agent"
        constraints = [models.UniqueConstraint(fields=["rule", "user_id"], name="leads_rule_agent_once")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.user_id}"


class Assignment(models.Model):
    """That a rule or a person gave a lead to an agent; caps per day and reports count these."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT)
    user_id = models.UUIDField()
    rule = models.ForeignKey(LeadRule, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "leads_assignment"
        indexes = [models.Index(fields=["user_id", "at"], name="leads_assignment_user")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.user_id}"


class Outcome(models.TextChoices):
    REACHED = "reached", pgettext_lazy("call outcome", "Reached")
    NO_ANSWER = "no_answer", pgettext_lazy("call outcome", "No answer")
    BUSY = "busy", pgettext_lazy("call outcome", "Busy")
    VOICEMAIL = "voicemail", pgettext_lazy("call outcome", "Voicemail")
    CALL_BACK = "call_back", pgettext_lazy("call outcome", "Wants a call back")
    WRONG_NUMBER = "wrong_number", pgettext_lazy("call outcome", "Wrong number")


class Call(Entity):
    """A phone call with a client, as an agent logged it."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="calls")
    user_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    seconds = models.PositiveIntegerField(default=0)
    note = models.TextField(blank=True)
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "leads_call"
        indexes = [
            models.Index(fields=["client", "-at"], name="leads_call_client"),
            models.Index(fields=["user_id", "-at"], name="leads_call_user"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.at:%Y-%m-%d}"


class SavedView(Entity):
    """A named filter of a list, one's own or shared with everybody in the office."""

    user_id = models.UUIDField()
    page = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    shared = models.BooleanField(default=False)

    class Meta:
        db_table = "leads_saved_view"
        indexes = [models.Index(fields=["page", "user_id"], name="leads_saved_view_page")]

    def __str__(self) -> str:
        return self.name
