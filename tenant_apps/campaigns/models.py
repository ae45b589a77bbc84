"""Segments and who is in them; series of mails and where each client stands; who wants no mails."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.ids import uuid7
from kernel.models import Entity
from tenant_apps.clients.models import Client


class Segment(Entity):
    """A dynamic list of clients. `definition` is a tree of tenant_apps.clients.facts; `key` is stable, for rules."""

    key = models.CharField(max_length=60)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    definition = models.JSONField()
    tone = models.CharField(max_length=10, default="neutral")
    active = models.BooleanField(default=True)
    swept_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "campaigns_segment"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="campaigns_segment_key"),
            models.UniqueConstraint(fields=["name"], name="campaigns_segment_name"),
        ]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """That a client was in a segment from `entered_at` until `left_at` (None: still is). At most one open row each."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="members")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(default=now)
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "campaigns_segment_member"
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "client"], condition=models.Q(left_at__isnull=True), name="campaigns_member_open"
            )
        ]
        indexes = [
            models.Index(fields=["client", "-entered_at"], name="campaigns_member_client"),
            models.Index(fields=["segment", "-entered_at"], name="campaigns_member_segment"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} in {self.segment_id}"


class SeriesState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("series state", "Draft")
    ACTIVE = "active", pgettext_lazy("series state", "Running")
    PAUSED = "paused", pgettext_lazy("series state", "Paused")


class Series(Entity):
    """Mails over days or weeks for everybody who enters a segment.

    `window_from`/`window_to` are full hours of the client's zone between which mails go out. `stop_events` are names of
    events about the client that end the series for them. `per_minute` bounds the brokerage's sending for this series.
    `gap_hours` keeps two mails of the series apart, also after a standstill.
    """

    key = models.CharField(max_length=60)
    name = models.CharField(max_length=80)
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="series")
    state = models.CharField(max_length=8, choices=SeriesState.choices, default=SeriesState.DRAFT)
    stop_on_leave = models.BooleanField(default=False)
    stop_events = models.JSONField(default=list, blank=True)
    window_from = models.PositiveSmallIntegerField(default=8)
    window_to = models.PositiveSmallIntegerField(default=21)
    gap_hours = models.PositiveSmallIntegerField(default=12)
    per_minute = models.PositiveIntegerField(default=600)

    class Meta:
        db_table = "campaigns_series"
        verbose_name_plural = "series"
        constraints = [models.UniqueConstraint(fields=["key"], name="campaigns_series_key")]

    def __str__(self) -> str:
        return self.name


class SeriesStep(Entity):
    """One mail of a series, `after_days` days after the client entered. `content` holds a text per language."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    after_days = models.PositiveSmallIntegerField()
    content = models.JSONField(default=dict)  # {"en": {"subject", "heading", "blocks": [{"kind", "text", "url"}]}}

    class Meta:
        db_table = "campaigns_series_step"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["series", "position"], name="campaigns_step_position", deferrable=models.Deferrable.DEFERRED
            )
        ]

    def __str__(self) -> str:
        return f"{self.series_id} #{self.position}"


class EnrolmentState(models.TextChoices):
    RUNNING = "running", pgettext_lazy("enrolment state", "Running")
    FINISHED = "finished", pgettext_lazy("enrolment state", "Finished")
    STOPPED = "stopped", pgettext_lazy("enrolment state", "Stopped")
    UNSUBSCRIBED = "unsubscribed", pgettext_lazy("enrolment state", "Unsubscribed")


class Enrolment(Entity):
    """A client's way through a series: once per client. The mail of `next_step` is due at `next_at`."""

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="enrolments")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(default=now)
    next_step = models.ForeignKey(SeriesStep, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    next_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=EnrolmentState.choices, default=EnrolmentState.RUNNING)
    reason = models.CharField(max_length=80, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "campaigns_enrolment"
        constraints = [models.UniqueConstraint(fields=["series", "client"], name="campaigns_enrolment_once")]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state="running"), name="campaigns_enrolment_due"),
            models.Index(fields=["client", "-created_at"], name="campaigns_enrolment_client"),
            models.Index(fields=["series", "state"], name="campaigns_enrolment_state"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} in {self.series_id}"


class StepSent(models.Model):
    """That a step's mail was queued for an enrolment, once; what the figures count."""

    id = models.BigAutoField(primary_key=True)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, related_name="sent")
    step = models.ForeignKey(SeriesStep, null=True, on_delete=models.SET_NULL, related_name="sent")
    step_key = models.UUIDField()  # the step's id, also after the step was removed
    mail_id = models.UUIDField()
    language = models.CharField(max_length=10)
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "campaigns_step_sent"
        constraints = [models.UniqueConstraint(fields=["enrolment", "step_key"], name="campaigns_step_sent_once")]
        indexes = [models.Index(fields=["step_key"], name="campaigns_step_sent_step")]

    def __str__(self) -> str:
        return f"{self.enrolment_id} {self.step_key}"


class Suppression(models.Model):
    """An address that gets no campaigns any more. Mails about one's own account and money still go out."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.CharField(max_length=254)
    client = models.ForeignKey(Client, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=30)  # unsubscribed, staff, bounced, complaint
    series = models.ForeignKey(Series, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "campaigns_suppression"
        constraints = [models.UniqueConstraint(fields=["email"], name="campaigns_suppression_email")]
        indexes = [models.Index(fields=["-at"], name="campaigns_suppression_newest")]

    def __str__(self) -> str:
        return self.email


class MailText(Entity):
    """A brokerage's own wording of one of the product's mails in a language; without a row the product's holds."""

    key = models.CharField(max_length=60)
    language = models.CharField(max_length=10)
    content = models.JSONField()

    class Meta:
        db_table = "campaigns_mail_text"
        constraints = [models.UniqueConstraint(fields=["key", "language"], name="campaigns_mail_text_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.language}"
