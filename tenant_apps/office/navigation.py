"""Menu entries of the office's own pages."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register
from tenant_apps.wallets.worklist.registry import to_do

register("office", section="overview", key="dashboard", label=pgettext_lazy("navigation", "Dashboard"),
         icon="layout-dashboard", url="office:dashboard", order=0)  # fmt: skip
register("office", section="settings", key="audit", label=pgettext_lazy("navigation", "Audit trail"),
         icon="scroll-text", url="office:audit", permission="audit.view", order=90)  # fmt: skip
register("office", section="money", key="money", label=pgettext_lazy("navigation", "Money inbox"),
         icon="inbox", url="office:money", permission="payments.view", order=30, badge=to_do)  # fmt: skip
