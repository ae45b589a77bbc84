"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "audit.exported": pgettext_lazy("audit act", "Exported the audit trail"),
        "office.work_exported": pgettext_lazy("audit act", "Exported the money inbox"),
    }
)
