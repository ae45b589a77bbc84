"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "branding.locale_changed": pgettext_lazy("audit act", "Changed the languages"),
        "branding.published": pgettext_lazy("audit act", "Published the brand"),
    }
)
