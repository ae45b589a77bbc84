"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "campaigns.enrolment_stopped": pgettext_lazy("audit act", "Stopped a series for a person"),
        "campaigns.segment_saved": pgettext_lazy("audit act", "Saved a segment"),
        "campaigns.segment_deleted": pgettext_lazy("audit act", "Deleted a segment"),
        "campaigns.series_saved": pgettext_lazy("audit act", "Saved a mail series"),
        "campaigns.series_started": pgettext_lazy("audit act", "Started a mail series"),
        "campaigns.series_paused": pgettext_lazy("audit act", "Paused a mail series"),
        "campaigns.step_saved": pgettext_lazy("audit act", "Saved a mail of a series"),
        "campaigns.step_deleted": pgettext_lazy("audit act", "Deleted a mail of a series"),
        "campaigns.suppression_removed": pgettext_lazy("audit act", "Allowed mails to an address again"),
        "campaigns.text_removed": pgettext_lazy("audit act", "Removed a translation of a mail"),
        "campaigns.unsubscribed": pgettext_lazy("audit act", "Unsubscribed from mails"),
        "campaigns.mail_text_saved": pgettext_lazy("audit act", "Saved the text of a mail"),
        "campaigns.mail_text_reset": pgettext_lazy("audit act", "Set the text of a mail back"),
        "campaigns.mail_text_tried": pgettext_lazy("audit act", "Sent a mail to try its text"),
    }
)
audit_words.declare_fields(
    {
        "content": pgettext_lazy("audit field", "Text"),
        "day": pgettext_lazy("audit field", "Day"),
        "definition": pgettext_lazy("audit field", "Condition"),
        "segment": pgettext_lazy("audit field", "Segment"),
        "also_present": pgettext_lazy("audit field", "With those who are in already"),
    }
)
