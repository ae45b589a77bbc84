from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "trading.view", pgettext_lazy("permission", "See trading accounts, positions and deals"), writes=False, scoped=True
)
EDIT = register(
    "trading.edit", pgettext_lazy("permission", "Open trading accounts, change leverage, archive"), scoped=True
)
TRANSFER = register(
    "trading.transfer",
    pgettext_lazy("permission", "Move money between wallets and trading accounts"),
    scoped=True,
    critical=True,
)
SERVERS_VIEW = register("trading.servers.view", pgettext_lazy("permission", "See trading servers"), writes=False)
SERVERS_EDIT = register(
    "trading.servers.edit", pgettext_lazy("permission", "Connect and change trading servers"), critical=True
)
TYPES_EDIT = register("trading.types.edit", pgettext_lazy("permission", "Change account types"), critical=True)
CASES_VIEW = register("trading.cases.view", pgettext_lazy("permission", "See trading cases"), writes=False)
CASES_EDIT = register("trading.cases.edit", pgettext_lazy("permission", "Resolve trading cases"), critical=True)
CASES_APPROVE = register(
    "trading.cases.approve",
    pgettext_lazy("permission", "Agree to postings of trading cases that someone else proposed"),
    critical=True,
)
BULK_VIEW = register(
    "trading.bulk.view", pgettext_lazy("permission", "See bulk changes of trading accounts"), writes=False, scoped=True
)
BULK_EDIT = register(
    "trading.bulk.edit",
    pgettext_lazy("permission", "Change leverage or type of many trading accounts at once"),
    scoped=True,
    critical=True,
)
BULK_APPROVE = register(
    "trading.bulk.approve",
    pgettext_lazy("permission", "Agree to bulk changes of trading accounts that someone else proposed"),
    critical=True,
)
