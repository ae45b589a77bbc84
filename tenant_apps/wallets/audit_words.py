"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .models import AdjustmentReason
from .words import counter_names

audit_words.declare(
    {
        "wallets.rate_proposed": pgettext_lazy("audit act", "Proposed an exchange rate"),
        "wallets.rate_approved": pgettext_lazy("audit act", "Approved an exchange rate"),
        "wallets.rate_rejected": pgettext_lazy("audit act", "Rejected an exchange rate"),
        "wallets.rate_withdrawn": pgettext_lazy("audit act", "Took a proposed exchange rate back"),
        "wallets.markup_saved": pgettext_lazy("audit act", "Saved a pair's mark-up"),
        "wallets.markup_removed": pgettext_lazy("audit act", "Removed a pair's mark-up"),
        "wallets.recipient_unknown": pgettext_lazy("audit act", "Looked for a recipient who is not there"),
        "wallets.transfer_requested": pgettext_lazy("audit act", "Asked for a transfer to another client"),
        "wallets.transfer_sent": pgettext_lazy("audit act", "Sent money to another client"),
        "wallets.transfer_rejected": pgettext_lazy("audit act", "Refused a transfer between clients"),
        "wallets.transfer_cancelled": pgettext_lazy("audit act", "Cancelled a transfer to another client"),
        "wallets.transfers_switched": pgettext_lazy("audit act", "Switched transfers between clients"),
        "wallets.transfer_limits_saved": pgettext_lazy("audit act", "Saved the limits of transfers between clients"),
        "wallets.transfer_limits_removed": pgettext_lazy(
            "audit act", "Removed the limits of transfers between clients"
        ),
        "wallets.adjustment_proposed": pgettext_lazy("audit act", "Proposed an adjustment of a wallet"),
        "wallets.adjusted": pgettext_lazy("audit act", "Adjusted a wallet"),
        "wallets.adjustment_rejected": pgettext_lazy("audit act", "Refused an adjustment of a wallet"),
        "wallets.adjustment_withdrawn": pgettext_lazy("audit act", "Took a proposed adjustment back"),
        "wallets.statement_exported": pgettext_lazy("audit act", "Exported a wallet's statement"),
        "wallets.account_exported": pgettext_lazy("audit act", "Exported the statement of an account"),
        "wallets.trial_balance_exported": pgettext_lazy("audit act", "Exported the trial balance"),
        "wallets.exchanged": pgettext_lazy("audit act", "Exchanged between wallets"),
        "wallets.exchange_rules_saved": pgettext_lazy("audit act", "Saved the rules of exchange"),
    }
)
audit_words.declare_fields(
    {
        "bps": pgettext_lazy("audit field", "Mark-up, basis points"),
        "markup_bps": pgettext_lazy("audit field", "Mark-up, basis points"),
        "from": pgettext_lazy("audit field", "From client"),
        "to": pgettext_lazy("audit field", "To client"),
        "times": pgettext_lazy("audit field", "Times"),
        "approval_above": pgettext_lazy("audit field", "Approval above"),
        "adjustment_reason": pgettext_lazy("audit field", "Reason"),
        "counter": pgettext_lazy("audit field", "Counter account"),
        "what": pgettext_lazy("audit field", "What"),
        "give": pgettext_lazy("audit field", "Given"),
        "get": pgettext_lazy("audit field", "Received"),
        "pair": pgettext_lazy("audit field", "Pair"),
        "rate": pgettext_lazy("audit field", "Rate"),
        "pegged": pgettext_lazy("audit field", "Pegged"),
        "max_age_hours": pgettext_lazy("audit field", "Oldest rate set by hand, hours"),
        "max_banking_days": pgettext_lazy("audit field", "Oldest published rate, banking days"),
        "quote_seconds": pgettext_lazy("audit field", "Quote stands, seconds"),
        "daily_count": pgettext_lazy("audit field", "Times a day"),
        "minimum_minor": pgettext_lazy("audit field", "Minimum, smallest units"),
        "minimum_currency": pgettext_lazy("audit field", "Minimum's currency"),
    }
)
audit_words.declare_values(
    {
        "wallets.adjustment_reason": dict(AdjustmentReason.choices),
        "wallets.counter": counter_names(),
    }
)
