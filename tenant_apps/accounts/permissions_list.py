from django.utils.translation import pgettext_lazy

from kernel.permissions import register

STAFF_VIEW = register("accounts.staff.view", pgettext_lazy("permission", "See staff, teams and roles"), writes=False)
STAFF_EDIT = register(
    "accounts.staff.edit",
    pgettext_lazy("permission", "Invite and change staff, teams and roles"),
    critical=True,
)
AUDIT_VIEW = register("audit.view", pgettext_lazy("permission", "Read the audit trail"), writes=False)
