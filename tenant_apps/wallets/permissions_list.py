from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "wallets.view", pgettext_lazy("permission", "See clients' wallets and their history"), writes=False, scoped=True
)
RATES_VIEW = register("wallets.rates.view", pgettext_lazy("permission", "See exchange rates"), writes=False)
RATES_PROPOSE = register("wallets.rates.propose", pgettext_lazy("permission", "Propose exchange rates"), critical=True)
RATES_APPROVE = register(
    "wallets.rates.approve",
    pgettext_lazy("permission", "Approve exchange rates that someone else proposed"),
    critical=True,
)
SETTINGS = register(
    "wallets.settings.edit",
    pgettext_lazy("permission", "Set mark-ups and the rules of exchange and transfers"),
    critical=True,
)
TRANSFER_APPROVE = register(
    "wallets.transfer.approve",
    pgettext_lazy("permission", "Approve and refuse transfers between clients"),
    scoped=True,
    critical=True,
)
ADJUST_PROPOSE = register(
    "wallets.adjust.propose",
    pgettext_lazy("permission", "Propose credits and debits of clients' wallets"),
    scoped=True,
    critical=True,
)
ADJUST_APPROVE = register(
    "wallets.adjust.approve",
    pgettext_lazy("permission", "Approve credits and debits of wallets that someone else proposed"),
    scoped=True,
    critical=True,
)
BOOKS = register("ledger.view", pgettext_lazy("permission", "See the house's books: the trial balance"), writes=False)
