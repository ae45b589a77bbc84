from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class SlugTaken(Conflict):
    """The subdomain belongs to another brokerage, or did in the last thirty days."""

    code = "slug_taken"
    message = pgettext_lazy("sign-up", "This address is taken. Choose another one.")


class SlugRefused(Invalid):
    """Not a usable subdomain: wrong characters or too short."""

    code = "slug_refused"
    message = pgettext_lazy("sign-up", "Use 3 to 30 letters, digits and hyphens, starting with a letter.")


class SlugReserved(SlugRefused):
    """A word the platform keeps for itself, such as `admin` or `www`."""

    code = "slug_reserved"
    message = pgettext_lazy("sign-up", "This address is reserved. Choose another one.")


class StateRefused(Conflict):
    """The brokerage is not in a state from which this is possible."""

    code = "state_refused"
    message = pgettext_lazy("console", "The brokerage is not in a state in which this can be done.")
