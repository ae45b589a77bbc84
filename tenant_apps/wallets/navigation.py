from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from . import adjustments
from .permissions_list import BOOKS, RATES_VIEW, VIEW
from .transfers import waiting

register(
    "portal",
    section="money",
    key="wallets",
    label=pgettext_lazy("navigation", "Wallets"),
    icon="wallet",
    url="wallets:wallets",
    order=30,
    mobile=True,
)
register(
    "office",
    section="money",
    key="wallets-rates",
    label=pgettext_lazy("navigation", "Exchange rates"),
    icon="arrow-left-right",
    url="wallets:rates",
    permission=RATES_VIEW,
    order=50,
    group="wallets",
)
register(
    "office",
    section="money",
    key="wallets-transfers",
    label=pgettext_lazy("navigation", "Client transfers"),
    icon="send",
    url="wallets:client-transfers",
    permission=VIEW,
    order=45,
    badge=waiting,
    group="wallets",
)
register(
    "office",
    section="money",
    key="wallets-adjustments",
    label=pgettext_lazy("navigation", "Adjustments"),
    icon="scale",
    url="wallets:adjustments",
    permission=VIEW,
    order=46,
    badge=adjustments.waiting,
    group="wallets",
)
register(
    "office",
    section="money",
    key="trial-balance",
    label=pgettext_lazy("navigation", "Trial balance"),
    icon="book-open",
    url="wallets:trial-balance",
    permission=BOOKS,
    order=55,
    group="wallets",
)
