"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .models import Place

audit_words.declare(
    {
        "reconciliation.report_taken": pgettext_lazy("audit act", "Uploaded a provider's report"),
        "reconciliation.mapping_saved": pgettext_lazy("audit act", "Saved how a provider's reports are read"),
        "reconciliation.case_taken": pgettext_lazy("audit act", "Took on a reconciliation case"),
        "reconciliation.case_handed_over": pgettext_lazy("audit act", "Handed a reconciliation case over"),
        "reconciliation.case_solved": pgettext_lazy("audit act", "Closed a reconciliation case"),
        "reconciliation.case_reopened": pgettext_lazy("audit act", "Opened a reconciliation case again"),
        "reconciliation.case_noted": pgettext_lazy("audit act", "Wrote a note to a reconciliation case"),
        "reconciliation.correction_proposed": pgettext_lazy("audit act", "Proposed a correcting entry"),
        "reconciliation.correction_posted": pgettext_lazy("audit act", "Approved a correcting entry"),
        "reconciliation.correction_refused": pgettext_lazy("audit act", "Refused a correcting entry"),
        "reconciliation.cases_exported": pgettext_lazy("audit act", "Exported the reconciliation cases"),
        "reconciliation.trial_exported": pgettext_lazy("audit act", "Exported the trial balance"),
        "reconciliation.close_prepared": pgettext_lazy("audit act", "Prepared a daily close"),
        "reconciliation.close_signed": pgettext_lazy("audit act", "Signed a daily close"),
        "reconciliation.close_exported": pgettext_lazy("audit act", "Exported a daily close"),
        "reconciliation.settings_saved": pgettext_lazy("audit act", "Set when something counts as stuck"),
        "reconciliation.lines_exported": pgettext_lazy("audit act", "Exported the lines of a report"),
    }
)
audit_words.declare_fields(
    {
        "sha256": pgettext_lazy("audit field", "Fingerprint"),
        "deposit_days": pgettext_lazy("audit field", "Days for a deposit"),
        "withdrawal_days": pgettext_lazy("audit field", "Days for a withdrawal"),
        "case_days": pgettext_lazy("audit field", "Days for a case"),
        "overdue_hours": pgettext_lazy("audit field", "Hours past a withdrawal's promise"),
        "transfer_hours": pgettext_lazy("audit field", "Hours for a transfer to or from trading"),
        "suspense_days": pgettext_lazy("audit field", "Days for a payment in another currency"),
        "line_days": pgettext_lazy("audit field", "Days for a bank payment"),
        "second_hours": pgettext_lazy("audit field", "Hours for a second person"),
        "report_hours": pgettext_lazy("audit field", "Hours for a report"),
        "trading_case_days": pgettext_lazy("audit field", "Days for a trading case"),
        "clearing_days": pgettext_lazy("audit field", "Days for what a provider owes"),
        "bonus_days": pgettext_lazy("audit field", "Days for an earned bonus"),
        "layout": pgettext_lazy("audit field", "Columns and formats"),
        "amount": pgettext_lazy("audit field", "Amount"),
        "source": pgettext_lazy("audit field", "From"),
        "target": pgettext_lazy("audit field", "To"),
        "bank": pgettext_lazy("audit field", "Bank account"),
    }
)
audit_words.declare_values({"reconciliation.source": dict(Place.choices), "reconciliation.target": dict(Place.choices)})
