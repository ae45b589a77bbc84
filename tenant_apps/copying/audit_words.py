"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "copying.offered": pgettext_lazy("audit act", "Offered a strategy"),
        "copying.changed": pgettext_lazy("audit act", "Proposed other terms of a strategy"),
        "copying.shown": pgettext_lazy("audit act", "Showed a strategy again"),
        "copying.hidden": pgettext_lazy("audit act", "Hid a strategy"),
        "copying.ended": pgettext_lazy("audit act", "A strategy ended"),
        "copying.released": pgettext_lazy("audit act", "Released a strategy"),
        "copying.rejected": pgettext_lazy("audit act", "Did not release a strategy"),
        "copying.suspended": pgettext_lazy("audit act", "Suspended a strategy"),
    }
)
audit_words.declare_fields(
    {
        "description": pgettext_lazy("audit field", "Description"),
        "management_fee": pgettext_lazy("audit field", "Management fee"),
        "minimum": pgettext_lazy("audit field", "Least amount"),
        "performance_fee": pgettext_lazy("audit field", "Performance fee"),
        "show_capital": pgettext_lazy("audit field", "Capital shown"),
        "volume_fee": pgettext_lazy("audit field", "Volume fee"),
    }
)
