"""Rights over segments, series and mail texts."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "campaigns.view", pgettext_lazy("permission", "See segments, mail series and their figures"), writes=False
)
EDIT = register("campaigns.edit", pgettext_lazy("permission", "Change segments, mail series and mail texts"))
SEND = register(
    "campaigns.send", pgettext_lazy("permission", "Start and pause mail series, suppress addresses"), critical=True
)
