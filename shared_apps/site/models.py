"""People signing up, and the vendor's own mail. Public schema."""

from __future__ import annotations

from django.db import models

from kernel.clock import now
from kernel.ids import uuid7
from kernel.mail import AbstractMail


class PlatformMail(AbstractMail):
    """A mail of the vendor: sign-up codes, invitations of operators."""

    class Meta:
        db_table = "site_mail"
        constraints = [
            models.UniqueConstraint(fields=["dedupe_key"], condition=~models.Q(dedupe_key=""), name="site_mail_dedupe")
        ]
        indexes = [
            models.Index(
                fields=["available_at"],
                condition=models.Q(state__in=["queued", "sending"]),
                name="site_mail_due",
            )
        ]


class SignUp(models.Model):
    """Somebody on the way to a brokerage. `data` holds the wizard's answers; `run_id` the set-up, once started."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.CharField(max_length=254)
    language = models.CharField(max_length=10, default="en")
    code_hash = models.CharField(max_length=64, blank=True)
    code_until = models.DateTimeField(null=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    data = models.JSONField(default=dict)
    run_id = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "site_sign_up"
        indexes = [models.Index(fields=["email", "-created_at"], name="site_sign_up_email")]

    def __str__(self) -> str:
        return self.email
