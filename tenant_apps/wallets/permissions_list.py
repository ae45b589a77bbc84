from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "wallets.view", pgettext_lazy("permission", "See clients' wallets and their history"), writes=False, scoped=True
)
