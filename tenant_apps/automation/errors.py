from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import AppError, Forbidden


class NotPublished(AppError):
    """The rule has no version in force, so there is nothing to try out."""

    code = "rule_not_published"
    status = 409
    message = pgettext_lazy("automation", "This rule has no published version yet. Save it first.")


class ActNotYours(Forbidden):
    """A rule acts with more than its author may do: nobody gets by a rule what their roles withhold."""

    code = "rule_act_not_yours"
    message = pgettext_lazy("automation", "A rule may only do what you may do yourself, for all clients.")
