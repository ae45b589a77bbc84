"""Rights over strategies that clients offer."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register(
    "copying.view", pgettext_lazy("permission", "See strategies that clients offer, and whose they are"), scoped=True, writes=False
)  # fmt: skip
RELEASE = register("copying.release", pgettext_lazy("permission", "Release, reject and suspend strategies of clients"))
