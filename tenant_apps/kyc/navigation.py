from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .permissions_list import VIEW
from .selectors import queue

register(
    "office",
    section="clients",
    key="kyc",
    label=pgettext_lazy("navigation", "KYC review"),
    icon="shield-check",
    url="kyc:office-queue",
    permission=VIEW,
    order=30,
    badge=queue,
)
register(
    "portal",
    section="settings",
    key="kyc",
    label=pgettext_lazy("navigation", "Verification"),
    icon="shield-check",
    url="kyc:portal-overview",
    order=40,
)
