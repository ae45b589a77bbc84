"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "clients.lead_created": pgettext_lazy("audit act", "Added a lead"),
        "clients.updated": pgettext_lazy("audit act", "Changed the details"),
        "clients.documents_accepted": pgettext_lazy("audit act", "Accepted the legal documents"),
        "clients.email_verified": pgettext_lazy("audit act", "Confirmed the e-mail address"),
        "clients.legal_published": pgettext_lazy("audit act", "Published a legal document"),
        "clients.owner_set": pgettext_lazy("audit act", "Gave to an agent"),
        "clients.risk_set": pgettext_lazy("audit act", "Set the risk"),
        "clients.stage_changed": pgettext_lazy("audit act", "Moved to another stage"),
        "clients.tags_set": pgettext_lazy("audit act", "Changed the tags"),
        "clients.task_added": pgettext_lazy("audit act", "Added a task"),
        "clients.task_done": pgettext_lazy("audit act", "Finished a task"),
        "clients.task_reopened": pgettext_lazy("audit act", "Opened a task again"),
        "clients.legal_translated": pgettext_lazy("audit act", "Translated a legal document"),
        "clients.log_in_moved": pgettext_lazy("audit act", "Moved the log-in to another e-mail address"),
    }
)
