"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "reconciliation.report_taken": pgettext_lazy("audit act", "Uploaded a provider's report"),
        "reconciliation.mapping_saved": pgettext_lazy("audit act", "Saved how a provider's reports are read"),
        "reconciliation.lines_exported": pgettext_lazy("audit act", "Exported the lines of a report"),
    }
)
audit_words.declare_fields(
    {
        "layout": pgettext_lazy("audit field", "Columns and formats"),
        "bank": pgettext_lazy("audit field", "Bank account"),
    }
)
