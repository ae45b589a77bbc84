"""Menu entries. In the portal the way is a panel of the trading page (`panels.py`): its bar is full."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .permissions_list import VIEW
from .selectors import waiting

register("office", section="trading", key="copying", label=pgettext_lazy("navigation", "Strategies"),
         icon="trophy", url="copying:office-strategies", permission=VIEW, order=16, badge=waiting)  # fmt: skip
