"""Menu entries of sales work."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register("office", section="clients", key="leads", label=pgettext_lazy("navigation", "Leads"), icon="funnel",
         url="leads:list", permission="clients.view", order=10)  # fmt: skip
register("office", section="clients", key="clients", label=pgettext_lazy("navigation", "Clients"), icon="users",
         url="leads:clients", permission="clients.view", order=15)  # fmt: skip
register("office", section="settings", key="lead-rules", label=pgettext_lazy("navigation", "Lead distribution"),
         icon="split", url="leads:rules", permission="leads.rules", order=30)  # fmt: skip
register("office", section="settings", key="pipeline", label=pgettext_lazy("navigation", "Pipeline"), icon="kanban",
         url="leads:pipeline", permission="leads.pipeline", order=31)  # fmt: skip
