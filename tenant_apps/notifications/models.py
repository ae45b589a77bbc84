"""What a brokerage sends and what it tells its people inside the product."""

from __future__ import annotations

from django.db import models

from kernel.clock import now
from kernel.ids import uuid7
from kernel.mail import AbstractMail


class Mail(AbstractMail):
    """A mail to a client, a member of staff or any address; `client_id` puts it on the client's page."""

    client_id = models.UUIDField(null=True, blank=True)
    user_id = models.UUIDField(null=True, blank=True)
    headers = models.JSONField(default=dict, blank=True)  # beyond the usual ones, as sent
    opened_at = models.DateTimeField(null=True, blank=True)
    clicked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "notifications_mail"
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"], condition=~models.Q(dedupe_key=""), name="notifications_mail_dedupe"
            )
        ]
        indexes = [
            models.Index(
                fields=["available_at"],
                condition=models.Q(state__in=["queued", "sending"]),
                name="notifications_mail_due",
            ),
            models.Index(fields=["client_id", "-created_at"], name="notifications_mail_client"),
            models.Index(fields=["-created_at"], name="notifications_mail_newest"),
        ]


class Notification(models.Model):
    """A line under somebody's bell. `kind` chooses the icon; title and body are in the reader's language."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField()
    kind = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    body = models.CharField(max_length=500, blank=True)
    link = models.CharField(max_length=300, blank=True)
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "notifications_notification"
        indexes = [
            models.Index(fields=["user_id", "-created_at"], name="notifications_of_user"),
            models.Index(fields=["user_id"], condition=models.Q(read_at__isnull=True), name="notifications_unread"),
        ]

    def __str__(self) -> str:
        return self.title
