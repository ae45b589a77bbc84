from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register(
    "console",
    section="overview",
    key="brokers",
    label=pgettext_lazy("navigation", "Brokers"),
    icon="building-2",
    url="console:brokers",
    permission="console.tenants.view",
    order=10,
)
register(
    "console",
    section="settings",
    key="operators",
    label=pgettext_lazy("navigation", "Operators"),
    icon="users",
    url="operators:list",
    permission="console.operators",
    order=20,
)
register(
    "console",
    section="settings",
    key="audit",
    label=pgettext_lazy("navigation", "Audit trail"),
    icon="scroll-text",
    url="console:audit",
    permission="console.tenants.view",
    order=30,
)
