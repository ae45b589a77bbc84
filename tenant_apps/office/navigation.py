"""Menu entries of the office's own pages."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register("office", section="overview", key="dashboard", label=pgettext_lazy("navigation", "Dashboard"),
         icon="layout-dashboard", url="office:dashboard", order=0)  # fmt: skip
register("office", section="settings", key="audit", label=pgettext_lazy("navigation", "Audit trail"),
         icon="scroll-text", url="office:audit", permission="audit.view", order=90)  # fmt: skip
