"""What recurs: fresh exchange rates, and an end to quotes that nobody took."""

from __future__ import annotations

from kernel.schedule import every_for_tenants

from .services.exchange import quotes_forget
from .services.rates import rates_due, rates_refresh

HOURS_24 = 24 * 3600


@every_for_tenants(900, "wallets.rates")
def rates_fetch() -> int:
    """Ask each source that may have something new; how many rates came. Most turns ask nobody."""
    return sum(rates_refresh(kind) for kind in rates_due())


@every_for_tenants(HOURS_24, "wallets.quotes")
def quotes_end() -> int:
    """Forget quotes that ended unconfirmed; how many."""
    return quotes_forget()
