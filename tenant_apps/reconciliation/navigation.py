"""Menu entries of the desk."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .permissions_list import VIEW
from .selectors import waiting

register("office", section="money", key="reconciliation", label=pgettext_lazy("navigation", "Reconciliation"),
         icon="scale", url="reconciliation:desk", permission=VIEW, order=45, badge=waiting)  # fmt: skip
