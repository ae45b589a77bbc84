from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register(
    "office",
    section="settings",
    key="branding",
    label=pgettext_lazy("navigation", "Brand"),
    icon="palette",
    url="branding:editor",
    permission="branding.view",
    order=40,
)
register(
    "office",
    section="settings",
    key="languages",
    label=pgettext_lazy("navigation", "Languages and region"),
    icon="languages",
    url="branding:languages",
    permission="branding.view",
    order=45,
)
