"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "wallets.rate_proposed": pgettext_lazy("audit act", "Proposed an exchange rate"),
        "wallets.rate_approved": pgettext_lazy("audit act", "Approved an exchange rate"),
        "wallets.rate_rejected": pgettext_lazy("audit act", "Rejected an exchange rate"),
        "wallets.rate_withdrawn": pgettext_lazy("audit act", "Took a proposed exchange rate back"),
        "wallets.markup_saved": pgettext_lazy("audit act", "Saved a pair's mark-up"),
        "wallets.markup_removed": pgettext_lazy("audit act", "Removed a pair's mark-up"),
        "wallets.exchanged": pgettext_lazy("audit act", "Exchanged between wallets"),
        "wallets.exchange_rules_saved": pgettext_lazy("audit act", "Saved the rules of exchange"),
    }
)
audit_words.declare_fields(
    {
        "bps": pgettext_lazy("audit field", "Mark-up, basis points"),
        "markup_bps": pgettext_lazy("audit field", "Mark-up, basis points"),
        "give": pgettext_lazy("audit field", "Given"),
        "get": pgettext_lazy("audit field", "Received"),
        "pair": pgettext_lazy("audit field", "Pair"),
        "rate": pgettext_lazy("audit field", "Rate"),
        "pegged": pgettext_lazy("audit field", "Pegged"),
        "max_age_hours": pgettext_lazy("audit field", "Oldest rate, hours"),
        "quote_seconds": pgettext_lazy("audit field", "Quote stands, seconds"),
        "daily_count": pgettext_lazy("audit field", "Times a day"),
        "minimum_minor": pgettext_lazy("audit field", "Minimum, smallest units"),
        "minimum_currency": pgettext_lazy("audit field", "Minimum's currency"),
    }
)
