"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .models import Book, BulkPurpose, BulkWhat, CaseKind, Direction

audit_words.declare(
    {
        "trading.account_requested": pgettext_lazy("audit act", "Asked for a trading account"),
        "trading.account_adopted": pgettext_lazy("audit act", "Took over a trading account"),
        "trading.leverage": pgettext_lazy("audit act", "Changed the leverage"),
        "trading.group": pgettext_lazy("audit act", "Changed the group"),
        "trading.password": pgettext_lazy("audit act", "Changed a trading password"),
        "trading.password_read": pgettext_lazy("audit act", "Saw a trading password"),
        "trading.archive": pgettext_lazy("audit act", "Closed a trading account"),
        "trading.reopen": pgettext_lazy("audit act", "Reopened a trading account"),
        "trading.transfer_requested": pgettext_lazy("audit act", "Moved money to or from a trading account"),
        "trading.case_taken": pgettext_lazy("audit act", "Took on a trading case"),
        "trading.case_handed_over": pgettext_lazy("audit act", "Handed a trading case over"),
        "trading.case_noted": pgettext_lazy("audit act", "Wrote a note to a trading case"),
        "trading.case_resolved": pgettext_lazy("audit act", "Settled a trading case"),
        "trading.compare_requested": pgettext_lazy("audit act", "Compared the books with the server"),
        "trading.bulk_started": pgettext_lazy("audit act", "Began a bulk change of trading accounts"),
        "trading.bulk_stopped": pgettext_lazy("audit act", "Stopped a bulk change of trading accounts"),
        "trading.bulk_undone": pgettext_lazy("audit act", "Began to undo a bulk change of trading accounts"),
        "trading.bulk_exported": pgettext_lazy("audit act", "Exported the accounts of a bulk change"),
        "trading.server_saved": pgettext_lazy("audit act", "Saved a trading server"),
        "trading.accounts_exported": pgettext_lazy("audit act", "Exported the list of trading accounts"),
        "trading.exposure_exported": pgettext_lazy("audit act", "Exported the clients’ exposure"),
        "trading.margin_mails": pgettext_lazy("audit act", "Chose whether to be mailed about margin calls"),
        "trading.type_saved": pgettext_lazy("audit act", "Saved an account type"),
    }
)
audit_words.declare_fields(
    {
        "accounts": pgettext_lazy("audit field", "Accounts"),
        "aim": pgettext_lazy("audit field", "New value"),
        "book": pgettext_lazy("audit field", "Book"),
        "checked": pgettext_lazy("audit field", "Checked on the server"),
        "data": pgettext_lazy("audit field", "Details"),
        "direction": pgettext_lazy("audit field", "Direction"),
        "group": pgettext_lazy("audit field", "Group"),
        "kind": pgettext_lazy("audit field", "Kind"),
        "host": pgettext_lazy("audit field", "Host"),
        "leverage": pgettext_lazy("audit field", "Leverage"),
        "live": pgettext_lazy("audit field", "Real money"),
        "login": pgettext_lazy("audit field", "Trading account"),
        "manager": pgettext_lazy("audit field", "Manager login"),
        "margin_mails": pgettext_lazy("audit field", "Mails about margin calls"),
        "port": pgettext_lazy("audit field", "Port"),
        "purpose": pgettext_lazy("audit field", "Purpose"),
        "type": pgettext_lazy("audit field", "Account type"),
        "what": pgettext_lazy("audit field", "What"),
    }
)
audit_words.declare_values(
    {
        "trading.book": dict(Book.choices),
        "trading.direction": dict(Direction.choices),
        "trading.kind": dict(CaseKind.choices),
        "trading.purpose": dict(BulkPurpose.choices),
        "trading.what": dict(BulkWhat.choices),
    }
)
