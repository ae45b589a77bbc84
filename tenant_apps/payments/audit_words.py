"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .words import method_names

audit_words.declare(
    {
        "payments.deposit_credited": pgettext_lazy("audit act", "Credited a deposit"),
        "payments.deposit_reversed": pgettext_lazy("audit act", "Took a deposit back"),
        "payments.deposit_closed": pgettext_lazy("audit act", "Closed a deposit"),
        "payments.deposits_exported": pgettext_lazy("audit act", "Exported the deposits"),
        "payments.withdrawals_exported": pgettext_lazy("audit act", "Exported the withdrawals"),
        "payments.provider_saved": pgettext_lazy("audit act", "Saved a payment provider"),
        "payments.provider_held_back": pgettext_lazy("audit act", "Held a payment provider back"),
        "payments.provider_lifted": pgettext_lazy("audit act", "Offered a payment provider again"),
        "payments.maintenance_begun": pgettext_lazy("audit act", "Set a payment method to maintenance"),
        "payments.maintenance_ended": pgettext_lazy("audit act", "Ended the maintenance of a payment method"),
        "payments.rule_saved": pgettext_lazy("audit act", "Saved a payment rule"),
        "payments.webhook_registered": pgettext_lazy("audit act", "Registered a webhook"),
        "payments.statement_imported": pgettext_lazy("audit act", "Read in a bank statement"),
        "payments.line_proposed": pgettext_lazy("audit act", "Proposed whose bank payment it is"),
        "payments.line_ignored": pgettext_lazy("audit act", "Set a bank payment aside"),
        "payments.line_reopened": pgettext_lazy("audit act", "Opened a bank payment again"),
        "payments.line_approved": pgettext_lazy("audit act", "Approved whose bank payment it is"),
        "payments.withdrawal_requested": pgettext_lazy("audit act", "Asked for a withdrawal"),
        "payments.withdrawal_checked": pgettext_lazy("audit act", "Proposed a withdrawal"),
        "payments.withdrawal_approved": pgettext_lazy("audit act", "Approved a withdrawal"),
        "payments.withdrawal_rejected": pgettext_lazy("audit act", "Rejected a withdrawal"),
        "payments.withdrawal_cancelled": pgettext_lazy("audit act", "Cancelled a withdrawal"),
        "payments.withdrawal_paid": pgettext_lazy("audit act", "Paid a withdrawal"),
        "payments.withdrawal_failed": pgettext_lazy("audit act", "Could not pay a withdrawal"),
        "payments.wire_sent": pgettext_lazy("audit act", "Sent a bank transfer"),
        "payments.deposit_looked_at": pgettext_lazy("audit act", "Looked at a deposit that stood out"),
        "payments.deposit_limits_saved": pgettext_lazy("audit act", "Saved a limit of deposits"),
        "payments.deposit_limits_removed": pgettext_lazy("audit act", "Removed a limit of deposits"),
        "payments.funds_asked": pgettext_lazy("audit act", "Asked for the source of funds"),
        "payments.funds_given": pgettext_lazy("audit act", "Told the source of funds"),
        "payments.funds_accepted": pgettext_lazy("audit act", "Accepted the source of funds"),
        "payments.funds_refused": pgettext_lazy("audit act", "Asked for more about the source of funds"),
        "payments.funds_file_viewed": pgettext_lazy("audit act", "Looked at a proof of the source of funds"),
        "payments.limits_saved": pgettext_lazy("audit act", "Saved the limits of withdrawals"),
        "payments.limits_removed": pgettext_lazy("audit act", "Removed the limits of withdrawals"),
    }
)
audit_words.declare_fields(
    {
        "action": pgettext_lazy("audit field", "What then"),
        "amount": pgettext_lazy("audit field", "Amount"),
        "day": pgettext_lazy("audit field", "In 24 hours"),
        "week": pgettext_lazy("audit field", "In 7 days"),
        "month": pgettext_lazy("audit field", "In 30 days"),
        "total": pgettext_lazy("audit field", "In total"),
        "measure": pgettext_lazy("audit field", "What is counted"),
        "most": pgettext_lazy("audit field", "At most"),
        "origin": pgettext_lazy("audit field", "Origin"),
        "attention": pgettext_lazy("audit field", "What stood out"),
        "backoff_after": pgettext_lazy("audit field", "Held back after failures"),
        "backoff_hides": pgettext_lazy("audit field", "Hidden while held back"),
        "cost_fixed": pgettext_lazy("audit field", "Provider's fixed cost"),
        "cost_percent": pgettext_lazy("audit field", "Provider's cost, percent"),
        "device": pgettext_lazy("audit field", "Device"),
        "ends_at": pgettext_lazy("audit field", "Until"),
        "failures": pgettext_lazy("audit field", "Failed calls"),
        "hours": pgettext_lazy("audit field", "Hours"),
        "starts_at": pgettext_lazy("audit field", "From"),
        "tags_any": pgettext_lazy("audit field", "Any of the tags"),
        "tags_none": pgettext_lazy("audit field", "None of the tags"),
        "bank_reference": pgettext_lazy("audit field", "Bank's reference"),
        "countries": pgettext_lazy("audit field", "Countries"),
        "currency": pgettext_lazy("audit field", "Currency"),
        "daily": pgettext_lazy("audit field", "Per day"),
        "enabled": pgettext_lazy("audit field", "Switched on"),
        "excluded_countries": pgettext_lazy("audit field", "Countries left out"),
        "fee": pgettext_lazy("audit field", "Fee"),
        "fee_fixed": pgettext_lazy("audit field", "Fixed fee"),
        "fee_percent": pgettext_lazy("audit field", "Fee, percent"),
        "first": pgettext_lazy("audit field", "First deposit"),
        "from_wallet": pgettext_lazy("audit field", "From the wallet"),
        "keys_changed": pgettext_lazy("audit field", "Keys replaced"),
        "kyc_level": pgettext_lazy("audit field", "Verification level"),
        "likeness": pgettext_lazy("audit field", "In common with the person before"),
        "lines": pgettext_lazy("audit field", "Lines"),
        "maximum": pgettext_lazy("audit field", "Maximum"),
        "methods": pgettext_lazy("audit field", "Methods"),
        "minimum": pgettext_lazy("audit field", "Minimum"),
        "mode": pgettext_lazy("audit field", "Mode"),
        "provider": pgettext_lazy("audit field", "Provider"),
        "received": pgettext_lazy("audit field", "Received"),
        "settings": pgettext_lazy("audit field", "Settings"),
        "taken": pgettext_lazy("audit field", "Taken back"),
    }
)
audit_words.declare_values(
    {
        "payments.method": method_names(),
        "payments.methods": method_names(),
        "likeness": {
            "mailbox": pgettext_lazy("audit value", "the mailbox"),
            "name": pgettext_lazy("audit value", "the name"),
            "invited": pgettext_lazy("audit value", "one invited the other"),
            "device": pgettext_lazy("audit value", "a device"),
        },
    }
)
