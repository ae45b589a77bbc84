from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register("kyc.view", pgettext_lazy("permission", "See identity checks and documents"), writes=False, scoped=True)
DECIDE = register(
    "kyc.decide", pgettext_lazy("permission", "Approve, return and reject identity checks"), critical=True
)
