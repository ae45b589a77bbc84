from django.utils.translation import pgettext_lazy

from kernel.permissions import register

register("console.tenants.view", pgettext_lazy("permission", "See brokerages"), writes=False)
register("console.tenants.create", pgettext_lazy("permission", "Create brokerages"))
register("console.tenants.state", pgettext_lazy("permission", "Suspend and resume brokerages"), critical=True)
register("console.enter", pgettext_lazy("permission", "Enter a brokerage (read)"), critical=True)
register("console.enter.write", pgettext_lazy("permission", "Enter a brokerage (write)"), critical=True)
register("console.operators", pgettext_lazy("permission", "Manage operators"), critical=True)
