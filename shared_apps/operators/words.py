"""What people read for the acts in the vendor's trail."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

ACTIONS: dict[str, Any] = {
    "break_glass.requested": pgettext_lazy("operator act", "Asked to enter"),
    "break_glass.entered": pgettext_lazy("operator act", "Entered the office"),
    "break_glass.left": pgettext_lazy("operator act", "Left the office"),
    "tenant.requested": pgettext_lazy("operator act", "Created a broker"),
    "tenant.set_up_retried": pgettext_lazy("operator act", "Tried a set-up again"),
    "tenant.state_changed": pgettext_lazy("operator act", "Changed the state"),
    "dead_letter.replayed": pgettext_lazy("operator act", "Replayed a dead letter"),
    "operator.created": pgettext_lazy("operator act", "Invited an operator"),
    "operator.changed": pgettext_lazy("operator act", "Changed an operator"),
    "operator.password_set": pgettext_lazy("operator act", "Set a password"),
    "operator.logged_in": pgettext_lazy("operator act", "Logged in"),
    "operator.logged_out": pgettext_lazy("operator act", "Logged out"),
    "operator.login_failed": pgettext_lazy("operator act", "Failed to log in"),
    "operator.second_factor_locked": pgettext_lazy("operator act", "Locked the second step after wrong codes"),
    "operator.second_factor_enrolled": pgettext_lazy("operator act", "Set up a second factor"),
    "operator.second_factor_reset": pgettext_lazy("operator act", "Reset a second factor"),
    "operator.recovery_codes_renewed": pgettext_lazy("operator act", "Made new recovery codes"),
}
