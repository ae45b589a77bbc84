"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "audit.exported": pgettext_lazy("audit act", "Exported the audit trail"),
        "office.safeguards_changed": pgettext_lazy("audit act", "Changed the safeguards"),
        "office.work_exported": pgettext_lazy("audit act", "Exported the money inbox"),
    }
)
audit_words.declare_fields(
    {
        "email_change_hold_hours": pgettext_lazy("audit field", "Hours without payouts after a new e-mail address"),
        "kyc_four_eyes": pgettext_lazy("audit field", "Two people for every identity check"),
        "trading_bulk_alone": pgettext_lazy("audit field", "Trading accounts that one person changes within a day"),
    }
)
