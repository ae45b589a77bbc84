"""Rights of sales work."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

WORK = register("leads.work", pgettext_lazy("permission", "Work leads: status, calls, invitations"), scoped=True)
RULES = register("leads.rules", pgettext_lazy("permission", "Change the rules that distribute leads"))
PIPELINE = register("leads.pipeline", pgettext_lazy("permission", "Change the pipeline's statuses"))
