from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register("branding.view", pgettext_lazy("permission", "See brand and languages"), writes=False)
EDIT = register("branding.edit", pgettext_lazy("permission", "Change and publish brand and languages"))
