"""Menu entries of the portal's own pages."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

register("portal", section="overview", key="home", label=pgettext_lazy("navigation", "Home"), icon="house",
         url="portal:home", order=0, mobile=True)  # fmt: skip
register("portal", section="settings", key="profile", label=pgettext_lazy("navigation", "Profile"),
         icon="user-round", url="portal:profile", order=90)  # fmt: skip
