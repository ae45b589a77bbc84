"""Rights over the reconciliation desk."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "reconciliation.view",
    pgettext_lazy("permission", "See the reconciliation desk, its reports and cases"),
    writes=False,
)
WORK = register("reconciliation.work", pgettext_lazy("permission", "Work on cases and propose correcting entries"))
APPROVE = register(
    "reconciliation.approve",
    pgettext_lazy("permission", "Approve correcting entries that someone else proposed"),
    critical=True,
)
CLOSE = register("reconciliation.close", pgettext_lazy("permission", "Prepare the daily close"))
SIGN = register(
    "reconciliation.sign",
    pgettext_lazy("permission", "Sign daily closes that someone else prepared"),
    critical=True,
)
SETTINGS = register("reconciliation.settings", pgettext_lazy("permission", "Set when something counts as stuck"))
IMPORT = register(
    "reconciliation.import", pgettext_lazy("permission", "Upload providers' reports and say how to read them")
)
