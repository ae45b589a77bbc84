"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

audit_words.declare(
    {
        "automation.rule_published": pgettext_lazy("audit act", "Published a rule"),
        "automation.rule_started": pgettext_lazy("audit act", "Switched a rule on"),
        "automation.rule_stopped": pgettext_lazy("audit act", "Switched a rule off"),
        "demo.clock_moved": pgettext_lazy("audit act", "Moved the time of the demo"),
        "demo.clock_days_started": pgettext_lazy("audit act", "Let days pass in the demo"),
    }
)
audit_words.declare_fields(
    {
        "actions": pgettext_lazy("audit field", "Steps"),
        "conditions": pgettext_lazy("audit field", "Conditions"),
        "trigger": pgettext_lazy("audit field", "Trigger"),
        "number": pgettext_lazy("audit field", "Version"),
        "seconds": pgettext_lazy("audit field", "Seconds"),
        "days": pgettext_lazy("audit field", "Days"),
    }
)
