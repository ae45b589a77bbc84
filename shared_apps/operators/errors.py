from django.utils.translation import pgettext_lazy

from kernel.errors import AppError, Conflict, Forbidden, Invalid


class ReasonTooShort(Invalid):
    """An entry into a brokerage without a sentence that its owner could understand later."""

    code = "reason_too_short"
    message = pgettext_lazy("break-glass", "Say why in a sentence of at least 15 letters. The broker will read it.")


class TicketUnusable(AppError):
    """Used, older than a minute, for another brokerage, or from another address than it was issued to."""

    code = "ticket_unusable"
    status = 403
    message = pgettext_lazy("break-glass", "This entry ticket cannot be used. Ask for a new one in the console.")


class EmailTaken(Conflict):
    code = "email_taken"
    message = pgettext_lazy("operator", "An operator with this e-mail address exists already.")


class LastOwner(Conflict):
    """Without an active owner nobody could manage operators any more."""

    code = "last_owner"
    message = pgettext_lazy("operator", "There must be at least one active owner.")


class LinkUnusable(AppError):
    code = "link_unusable"
    status = 410
    message = pgettext_lazy("operator", "This link was used or is too old. Ask for a new one.")


class ReadOnly(Forbidden):
    """The brokerage is read-only for now: pages are shown, nothing is taken."""

    code = "read_only"
    message = pgettext_lazy(
        "suspension", "This brokerage is read-only for now. You can look at everything, but nothing can be changed."
    )
