"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "branding.locale_changed": pgettext_lazy("audit act", "Changed the languages"),
        "branding.published": pgettext_lazy("audit act", "Published the brand"),
    }
)
audit_words.declare_fields(
    {
        "base_currency": pgettext_lazy("audit field", "Base currency"),
        "colour": pgettext_lazy("audit field", "Colour"),
        "colour_dark": pgettext_lazy("audit field", "Colour in dark mode"),
        "currencies": pgettext_lazy("audit field", "Currencies"),
        "font": pgettext_lazy("audit field", "Font"),
        "legal_footer": pgettext_lazy("audit field", "Legal line"),
        "locale_checked": pgettext_lazy("audit field", "Texts checked"),
        "logo": pgettext_lazy("audit field", "Logo"),
        "logo_dark": pgettext_lazy("audit field", "Logo for dark mode"),
        "mail_header": pgettext_lazy("audit field", "Head of mails"),
        "mark": pgettext_lazy("audit field", "Icon"),
        "preset": pgettext_lazy("audit field", "Preset"),
        "radius": pgettext_lazy("audit field", "Corners"),
        "risk_warning": pgettext_lazy("audit field", "Risk warning"),
        "support_email": pgettext_lazy("audit field", "Support e-mail"),
        "support_phone": pgettext_lazy("audit field", "Support phone"),
        "time_zone": pgettext_lazy("audit field", "Time zone"),
    }
)
