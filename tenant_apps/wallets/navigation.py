from django.utils.translation import pgettext_lazy

from kernel.navigation import register

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
