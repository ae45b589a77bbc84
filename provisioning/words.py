"""What people read: names of steps, and errors in plain language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

STEPS: dict[str, Any] = {
    "register": pgettext_lazy("set-up step", "Reserve the address"),
    "schema": pgettext_lazy("set-up step", "Build the database"),
    "domains": pgettext_lazy("set-up step", "Connect portal and office"),
    "roles": pgettext_lazy("set-up step", "Prepare roles and rights"),
    "preset": pgettext_lazy("set-up step", "Apply the region's defaults"),
    "connect": pgettext_lazy("set-up step", "Connect providers and servers"),
    "brand": pgettext_lazy("set-up step", "Put on your brand"),
    "owner": pgettext_lazy("set-up step", "Create your account"),
    "mail": pgettext_lazy("set-up step", "Write the welcome mail"),
    "activate": pgettext_lazy("set-up step", "Open the doors"),
}
_ERRORS: dict[str, Any] = {
    "slug_taken": pgettext_lazy("set-up error", "Somebody else took this address a moment ago. Choose another one."),
    "slug_refused": pgettext_lazy("set-up error", "This address cannot be used. Choose another one."),
    "tokens_invalid": pgettext_lazy("set-up error", "The chosen look cannot be used. Choose another colour."),
    "unreadable": pgettext_lazy("set-up error", "Text would not be readable in the chosen colour. Choose another one."),
    "step_failed": pgettext_lazy("set-up error", "A check after this step found something missing."),
    "database": pgettext_lazy("set-up error", "The database did not answer in time. Trying again usually helps."),
}
_OTHER = pgettext_lazy("set-up error", "Something went wrong on our side. Trying again usually helps.")


def explain(code: str) -> Any:
    """An error for people, by the code in the journal; empty for none."""
    return _ERRORS.get(code, _OTHER) if code else ""
