"""What can go wrong with sales work."""

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class StatusUnknown(Invalid):
    """No such status in this brokerage's pipeline, or one that is switched off."""

    code = "status_unknown"
    message = pgettext_lazy("lead", "There is no such status.")


class StatusInUse(Conflict):
    code = "status_in_use"
    message = pgettext_lazy("lead", "Leads still have this status. Switch it off instead.")


class OwnerUnknown(Invalid):
    """Not an active member of staff whom this actor may give leads to."""

    code = "owner_unknown"
    message = pgettext_lazy("lead", "Choose an active colleague.")
