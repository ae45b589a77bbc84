"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "trading.account_requested": pgettext_lazy("audit act", "Asked for a trading account"),
        "trading.account_adopted": pgettext_lazy("audit act", "Took over a trading account"),
        "trading.leverage": pgettext_lazy("audit act", "Changed the leverage"),
        "trading.group": pgettext_lazy("audit act", "Changed the group"),
        "trading.password": pgettext_lazy("audit act", "Changed a trading password"),
        "trading.password_read": pgettext_lazy("audit act", "Saw a trading password"),
        "trading.archive": pgettext_lazy("audit act", "Closed a trading account"),
        "trading.transfer_requested": pgettext_lazy("audit act", "Moved money to or from a trading account"),
        "trading.case_resolved": pgettext_lazy("audit act", "Settled a trading case"),
        "trading.compare_requested": pgettext_lazy("audit act", "Compared the books with the server"),
        "trading.server_saved": pgettext_lazy("audit act", "Saved a trading server"),
        "trading.type_saved": pgettext_lazy("audit act", "Saved an account type"),
    }
)
