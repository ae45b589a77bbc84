"""Menu entries of bonuses."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .permissions_list import VIEW
from .selectors import waiting

register("office", section="money", key="bonuses", label=pgettext_lazy("navigation", "Bonuses"),
         icon="gift", url="bonuses:grants", permission=VIEW, order=47, badge=waiting)  # fmt: skip
register("portal", section="money", key="bonuses", label=pgettext_lazy("navigation", "Bonuses"),
         icon="gift", url="bonuses:portal-bonuses", order=40)  # fmt: skip
