"""Menu entries of rules, and of the demo's clock where there is one."""

from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register("office", section="growth", key="rules", label=pgettext_lazy("navigation", "Automation"), icon="workflow",
         url="automation:rules", permission="automation.view", order=30)  # fmt: skip
if settings.CLOCK_MOVABLE:
    register("office", section="settings", key="demo-clock", label=pgettext_lazy("navigation", "Demo clock"),
             icon="clock", url="automation:demo-clock", permission="demo.clock", order=90)  # fmt: skip
