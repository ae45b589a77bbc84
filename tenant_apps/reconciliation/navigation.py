"""Menu entries of the desk."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .permissions_list import VIEW

register("office", section="money", key="reconciliation", label=pgettext_lazy("navigation", "Reconciliation"),
         icon="scale", url="reconciliation:reports", permission=VIEW, order=45)  # fmt: skip
