from django.utils.translation import pgettext_lazy

from kernel.navigation import register
from tenant_apps.clients.permissions_list import ENTITIES
from tenant_apps.wallets.change_selectors import changes_waiting
from tenant_apps.wallets.permissions_list import SETTINGS

from .permissions_list import BANK_IMPORT, BATCH_VIEW, DESTINATIONS, LIMITS, PROPOSE, PROVIDERS, RULES, VIEW
from .selectors import funds_waiting, suspense_waiting

register(
    "office",
    section="money",
    key="payments",
    label=pgettext_lazy("navigation", "Withdrawals"),
    icon="arrow-up-right",
    url="payments:inbox",
    permission=VIEW,
    order=32,
    group="payments",
)
register(
    "office",
    section="money",
    key="payments-deposits",
    label=pgettext_lazy("navigation", "Deposits"),
    icon="arrow-down-left",
    url="payments:deposits",
    permission=VIEW,
    order=33,
    group="payments",
)
register(
    "office",
    section="money",
    key="payments-destinations",
    label=pgettext_lazy("navigation", "Payout accounts"),
    icon="contact",
    url="payments:destinations",
    permission=DESTINATIONS,
    order=34,
    group="payments",
)
register(
    "office",
    section="money",
    key="payments-batches",
    label=pgettext_lazy("navigation", "Payment files"),
    icon="send",
    url="payments:batches",
    permission=BATCH_VIEW,
    order=35,
    group="bank",
)
register(
    "office",
    section="money",
    key="payments-bank",
    label=pgettext_lazy("navigation", "Bank statements"),
    icon="landmark",
    url="payments:bank",
    permission=BANK_IMPORT,
    order=40,
    group="bank",
)
register(
    "office",
    section="money",
    key="payments-providers",
    label=pgettext_lazy("navigation", "Payment providers"),
    icon="plug",
    url="payments:providers",
    permission=PROVIDERS,
    order=40,
    group="money-rules",
)
register(
    "office",
    section="money",
    key="payments-routing",
    label=pgettext_lazy("navigation", "Payment routing"),
    icon="route",
    url="payments:routing",
    permission=PROVIDERS,
    order=41,
    group="money-rules",
)
register(
    "office",
    section="money",
    key="payments-payout-routing",
    label=pgettext_lazy("navigation", "Payout routing"),
    icon="route",
    url="payments:payout-routing",
    permission=PROVIDERS,
    order=41,
    group="money-rules",
)
register(
    "office",
    section="money",
    key="payments-limits",
    label=pgettext_lazy("navigation", "Withdrawal limits"),
    icon="gauge",
    url="payments:limits",
    permission=LIMITS,
    order=42,
    group="money-rules",
)
register(
    "office",
    section="money",
    key="payments-approval",
    label=pgettext_lazy("navigation", "Approval of withdrawals"),
    icon="list-checks",
    url="payments:approval-rules",
    permission=RULES,
    order=43,
    group="money-rules",
)
register(
    "portal",
    section="money",
    key="cashier",
    label=pgettext_lazy("navigation", "Cashier"),
    icon="banknote",
    url="payments:cashier",
    order=20,
    mobile=True,
)
register(
    "office",
    section="money",
    key="payments-deposit-limits",
    label=pgettext_lazy("navigation", "Deposit limits"),
    icon="gauge",
    url="payments:deposit-limits",
    permission=LIMITS,
    order=43,
    group="money-rules",
)
register(
    "office",
    section="money",
    key="payments-funds",
    label=pgettext_lazy("navigation", "Source of funds"),
    icon="hand-coins",
    url="payments:funds",
    permission="kyc.view",
    order=45,
    badge=funds_waiting,
    group="payments",
)
register(
    "office",
    section="money",
    key="payments-suspense",
    label=pgettext_lazy("navigation", "Other currencies"),
    icon="coins",
    url="payments:suspense",
    permission=PROPOSE,
    order=44,
    badge=suspense_waiting,
    group="payments",
)
register(
    "office",
    section="money",
    key="payments-figures",
    label=pgettext_lazy("navigation", "Cashier figures"),
    icon="chart-column",
    url="payments:figures",
    permission=VIEW,
    order=46,
    group="payments",
)
register(
    "office",
    section="money",
    key="payments-changes",
    label=pgettext_lazy("navigation", "Second person"),
    icon="users",
    url="payments:changes",
    permission=[VIEW, SETTINGS, ENTITIES],
    order=47,
    badge=changes_waiting,
    group="inbox",
)
