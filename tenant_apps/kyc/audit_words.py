"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .models import CaseState, DocumentState, RefusalReason

audit_words.declare(
    {
        "kyc.case_draft": pgettext_lazy("audit act", "Opened the identity check"),
        "kyc.case_submitted": pgettext_lazy("audit act", "Submitted the identity check"),
        "kyc.case_proposed": pgettext_lazy("audit act", "Proposed approval of the identity"),
        "kyc.case_needs_more": pgettext_lazy("audit act", "Asked for more documents"),
        "kyc.case_approved": pgettext_lazy("audit act", "Approved the identity"),
        "kyc.case_rejected": pgettext_lazy("audit act", "Rejected the identity"),
        "kyc.document_uploaded": pgettext_lazy("audit act", "Uploaded a document"),
        "kyc.document_viewed": pgettext_lazy("audit act", "Looked at a document"),
        "kyc.document_removed": pgettext_lazy("audit act", "Removed a document"),
        "kyc.document_accepted": pgettext_lazy("audit act", "Accepted a document"),
        "kyc.document_refused": pgettext_lazy("audit act", "Refused a document"),
    }
)
audit_words.declare_fields(
    {
        "refusal": pgettext_lazy("audit field", "Why it was refused"),
    }
)
audit_words.declare_values(
    {
        "kyc.state": {**dict(DocumentState.choices), **dict(CaseState.choices)},
        "kyc.refusal": dict(RefusalReason.choices),
    }
)
