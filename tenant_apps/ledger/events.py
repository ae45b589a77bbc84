from __future__ import annotations

from kernel.events import Event, event


@event("ledger.unsound")
class LedgerUnsound(Event):
    """A proof of the books failed: somebody has to look at once. `broken` names the invariants."""

    broken: list[str]
