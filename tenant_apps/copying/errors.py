"""What offering strategies refuses. Every class says when it is raised."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class AccountUnfit(Conflict):
    """The account is not an open live one: practice money shows nothing, and a closed account trades no more."""

    code = "account_unfit"
    message = pgettext_lazy("strategy error", "Only an open account with real money can be offered as a strategy.")


class NameTaken(Invalid):
    """Another strategy has the name, or waits for it; ended ones keep theirs, so that no record is taken over."""

    code = "name_taken"
    message = pgettext_lazy("strategy error", "Another strategy has this name.")


class NoConsent(Invalid):
    """The client has not agreed to figures of the account being shown to others."""

    code = "no_consent"
    message = pgettext_lazy("strategy error", "Without your consent nothing can be shown.")


class WrongState(Conflict):
    """The strategy has moved on; the act no longer applies."""

    code = "wrong_state"
    message = pgettext_lazy("strategy error", "This strategy has changed meanwhile. Look again.")
