"""Who acts when nobody does."""

from django.utils.translation import pgettext_lazy

from kernel.actors import named, system

RATES = system(named("wallets.rates", pgettext_lazy("system actor", "Exchange rates")))
