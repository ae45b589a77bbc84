"""Who acts when nobody does: the cashier by itself."""

from django.utils.translation import pgettext_lazy

from kernel.actors import named, system

CASHIER = system(named("payments", pgettext_lazy("system actor", "Payments")))
SWEEP = system(named("payments sweep", pgettext_lazy("system actor", "Payments, by asking the provider")))
REFUND = system(named("payments.refund", pgettext_lazy("system actor", "Answer of the provider")))
