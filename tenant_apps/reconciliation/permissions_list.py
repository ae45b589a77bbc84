"""Rights over the reconciliation desk."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "reconciliation.view",
    pgettext_lazy("permission", "See the reconciliation desk, its reports and cases"),
    writes=False,
)
IMPORT = register(
    "reconciliation.import", pgettext_lazy("permission", "Upload providers' reports and say how to read them")
)
