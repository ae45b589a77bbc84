"""Rights over bonuses."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register("bonuses.view", pgettext_lazy("permission", "See bonuses and who has one"), scoped=True, writes=False)
PROPOSE = register(
    "bonuses.propose", pgettext_lazy("permission", "Propose bonuses, the rules they fall under, and cancelling one")
)
APPROVE = register(
    "bonuses.approve",
    pgettext_lazy("permission", "Approve what someone else proposed about bonuses"),
    critical=True,
)
