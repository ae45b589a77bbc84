"""Rights over rules, and over the demo's clock."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register("automation.view", pgettext_lazy("permission", "See rules and their log"), writes=False)
EDIT = register(
    "automation.edit", pgettext_lazy("permission", "Change, start and stop rules that act by themselves"), critical=True
)
CLOCK = register("demo.clock", pgettext_lazy("permission", "Move the demo's clock"), critical=True)
