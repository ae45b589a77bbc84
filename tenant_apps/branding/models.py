"""Versions of a brokerage's brand."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity


class BrandState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("brand state", "Draft")
    PUBLISHED = "published", pgettext_lazy("brand state", "Published")
    EARLIER = "earlier", pgettext_lazy("brand state", "Earlier")


class BrandVersion(Entity):
    """One set of tokens (tokens.Tokens as JSON). At most one draft and one published at a time."""

    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=BrandState.choices, default=BrandState.DRAFT)
    tokens = models.JSONField(default=dict)
    author = models.CharField(max_length=160, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "branding_version"
        constraints = [
            models.UniqueConstraint(fields=["number"], name="branding_version_number"),
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state__in=["draft", "published"]), name="branding_version_current"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"
