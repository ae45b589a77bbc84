"""Menu entries of the office's own pages."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register, register_group
from tenant_apps.wallets.worklist.registry import to_do

from .money import RIGHTS

register("office", section="overview", key="dashboard", label=pgettext_lazy("navigation", "Dashboard"),
         icon="layout-dashboard", url="office:dashboard", order=0)  # fmt: skip
register("office", section="settings", key="legal-entities", label=pgettext_lazy("navigation", "Legal entities"),
         icon="building-2", url="office:entities", permission="clients.entities", order=45)  # fmt: skip
register("office", section="settings", key="safeguards", label=pgettext_lazy("navigation", "Safeguards"),
         icon="shield-check", url="office:safeguards", permission="office.safeguards", order=47)  # fmt: skip
register("office", section="settings", key="audit", label=pgettext_lazy("navigation", "Audit trail"),
         icon="scroll-text", url="office:audit", permission="audit.view", order=90)  # fmt: skip
register("office", section="money", key="money", label=pgettext_lazy("navigation", "Money inbox"),
         icon="inbox", url="office:money", permission=RIGHTS, order=30, badge=to_do, group="inbox")  # fmt: skip

# What is done with money, by who does it: to decide, clients' payments, between wallets, the banks, and the rules.
register_group("office", section="money", key="inbox", label=pgettext_lazy("navigation", "Money inbox"), icon="inbox",
               order=10, badge_of="money")  # fmt: skip
register_group("office", section="money", key="payments", label=pgettext_lazy("navigation", "Deposits and withdrawals"),
               icon="banknote", order=20)  # fmt: skip
register_group("office", section="money", key="wallets", label=pgettext_lazy("navigation", "Wallets and transfers"),
               icon="wallet", order=30)  # fmt: skip
register_group("office", section="money", key="bank", label=pgettext_lazy("navigation", "Bank"), icon="landmark",
               order=44)  # fmt: skip
register_group("office", section="money", key="money-rules", label=pgettext_lazy("navigation", "Providers and rules"),
               icon="settings-2", order=60)  # fmt: skip
