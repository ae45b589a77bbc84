"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .models import Method, Phase, PipelineStatus

audit_words.declare(
    {
        "leads.dialled": pgettext_lazy("audit act", "Dialled the number"),
        "leads.invited": pgettext_lazy("audit act", "Invited to register"),
        "leads.status_set": pgettext_lazy("audit act", "Set the status"),
        "leads.rule_saved": pgettext_lazy("audit act", "Saved a lead rule"),
        "leads.rule_moved": pgettext_lazy("audit act", "Moved a lead rule"),
        "leads.rule_deleted": pgettext_lazy("audit act", "Deleted a lead rule"),
        "leads.pipeline_status_saved": pgettext_lazy("audit act", "Saved a pipeline status"),
    }
)
audit_words.declare_fields(
    {
        "agents": pgettext_lazy("audit field", "Agents"),
        "campaigns": pgettext_lazy("audit field", "Campaigns"),
        "method": pgettext_lazy("audit field", "Method"),
        "phase": pgettext_lazy("audit field", "Phase"),
        "position": pgettext_lazy("audit field", "Place"),
        "tone": pgettext_lazy("audit field", "Colour"),
    }
)


def _statuses() -> dict[str, str]:
    return {status.code: status.label for status in PipelineStatus.objects.all()}


audit_words.declare_values(
    {"leads.status": _statuses, "leads.method": dict(Method.choices), "leads.phase": dict(Phase.choices)}
)
