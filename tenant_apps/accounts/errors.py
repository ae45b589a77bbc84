"""What can go wrong with accounts, roles and links."""

from django.utils.translation import pgettext_lazy

from kernel.errors import AppError, Conflict, Forbidden, Invalid


class EmailTaken(Invalid):
    """Another account of the same realm has this address."""

    code = "email_taken"
    message = pgettext_lazy("account", "There is already an account with this e-mail address.")


class LinkUnusable(AppError):
    """A mailed link that is unknown, used, or too old: the three look the same from outside."""

    code = "link_unusable"
    status = 410
    message = pgettext_lazy("account", "This link was used before or is too old. Ask for a new one.")


class GrantsTooWide(Forbidden):
    """Nobody may hand out rights that go further than their own."""

    code = "grants_too_wide"
    message = pgettext_lazy("account", "You cannot grant rights that you do not have yourself.")


class LastOwner(Conflict):
    """The change would leave the brokerage without an active owner."""

    code = "last_owner"
    message = pgettext_lazy("account", "There must be at least one active owner.")


class RoleInUse(Conflict):
    code = "role_in_use"
    message = pgettext_lazy("account", "This role is still held by someone. Take it away from them first.")
