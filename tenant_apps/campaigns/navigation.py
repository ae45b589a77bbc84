"""Menu entries of campaigns."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register("office", section="growth", key="segments", label=pgettext_lazy("navigation", "Segments"), icon="users-round",
         url="campaigns:segments", permission="campaigns.view", order=10)  # fmt: skip
register("office", section="growth", key="series", label=pgettext_lazy("navigation", "Mail series"), icon="mails",
         url="campaigns:series", permission="campaigns.view", order=20)  # fmt: skip
register("office", section="settings", key="mail-texts", label=pgettext_lazy("navigation", "Mail texts"), icon="mail",
         url="campaigns:mail-texts", permission="campaigns.view", order=47)  # fmt: skip
