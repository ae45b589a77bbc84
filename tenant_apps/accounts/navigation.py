"""Menu entries of staff administration."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register(
    "office",
    section="settings",
    key="staff",
    label=pgettext_lazy("navigation", "Staff and roles"),
    icon="shield-user",
    url="accounts:staff",
    permission="accounts.staff.view",
    order=20,
)
