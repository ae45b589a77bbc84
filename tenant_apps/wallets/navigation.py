from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .permissions_list import RATES_VIEW

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
)
