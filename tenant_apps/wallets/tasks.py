"""What recurs: fresh exchange rates."""

from __future__ import annotations

from kernel.schedule import every_for_tenants

from .services.rates import rates_due, rates_refresh


@every_for_tenants(900, "wallets.rates")
def rates_fetch() -> int:
    """Ask each source that may have something new; how many rates came. Most turns ask nobody."""
    return sum(rates_refresh(kind) for kind in rates_due())
