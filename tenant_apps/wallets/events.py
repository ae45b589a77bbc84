"""Facts about wallets, for every app above (payload keys are a contract)."""

from __future__ import annotations

from kernel.events import Event, event


@event("wallets.rate_set")
class RateSet(Event):
    """People set the rate of a pair: `mid` units of `quote` per `base`, as decimal text."""

    base: str
    quote: str
    mid: str
    pegged: bool
