"""Rights over the office's own pages."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

SAFEGUARDS = register(
    "office.safeguards", pgettext_lazy("permission", "Say what one person may do alone, and how long money waits"), critical=True
)  # fmt: skip
