"""The tree of errors. An error is a class with a stable code, an HTTP status and data; its text is translated.

Views, handlers and the API translate `AppError` once, at the edge; everything else is a defect and goes to Sentry.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class AppError(Exception):
    """Root of the errors a user or an integrator may see. Subclasses set `code`, `status` and `message`."""

    code = "error"
    status = 400
    message: Any = _("This could not be done.")

    def __init__(self, message: Any = None, *, field: str | None = None, **data: Any) -> None:
        self.message = message if message is not None else type(self).message
        self.field = field
        self.data = data
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.message) % self.data if self.data and "%(" in str(self.message) else str(self.message)


class Invalid(AppError):
    """Input that breaks a rule; `field` names the input when there is one."""

    code = "invalid"
    status = 422


class NotFound(AppError):
    """No such object, or none that this actor may know of: the two look the same from outside."""

    code = "not_found"
    status = 404
    message = _("This was not found.")


class Forbidden(AppError):
    """The actor may know of the object but not do this to it."""

    code = "forbidden"
    status = 403
    message = _("You do not have the right to do this.")


class NoRights(Forbidden):
    """The account is in order, but nobody gave it any right yet."""

    code = "no_rights"
    message = pgettext_lazy(
        "error", "Your account has no rights here yet. Ask the person who invited you to give you a role."
    )


class Conflict(AppError):
    """The object changed meanwhile, or the request contradicts an earlier one with the same key."""

    code = "conflict"
    status = 409
    message = _("This was changed by someone else meanwhile. Reload and try again.")


class TooMany(AppError):
    """A rate limit; `retry_after` in seconds."""

    code = "too_many"
    status = 429
    message = _("Too many attempts. Wait a moment and try again.")


class Outside(AppError):
    """Root of what can go wrong with another system."""

    code = "outside"
    status = 502
    message = _("The other system did not answer as expected.")


class Unavailable(Outside):
    """Certainly not done; trying again later makes sense."""

    code = "unavailable"
    status = 503
    message = _("The other system cannot be reached now. Try again in a moment.")


class NotYet(Unavailable):
    """Raised by a command's `send` before it sends anything: something of ours stops it for now. It waits, however long
    that takes, and that is no attempt."""

    code = "not_yet"


class Rejected(Outside):
    """Certainly not done; trying again makes no sense without a change."""

    code = "rejected"
    status = 422


class OutcomeUnknown(Outside):
    """It may have been done. Never repeated blindly: ask the other system first."""

    code = "outcome_unknown"
    message = _("It is not yet known whether the other system carried this out.")
