from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register(
    "console",
    section="overview",
    key="runs",
    label=pgettext_lazy("navigation", "Set-ups"),
    icon="list-checks",
    url="provisioning:runs",
    permission="console.tenants.view",
    order=20,
)
register(
    "office",
    section="settings",
    key="setup",
    label=pgettext_lazy("navigation", "Set-up"),
    icon="list-checks",
    url="provisioning:setup",
    permission="branding.edit",
    order=5,
)
