from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import AppError


class NotPublished(AppError):
    """The rule has no version in force, so there is nothing to try out."""

    code = "rule_not_published"
    status = 409
    message = pgettext_lazy("automation", "This rule has no published version yet. Save it first.")
