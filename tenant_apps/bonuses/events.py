"""Facts about bonuses, for every app above. Payload keys are a contract."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event
from kernel.money import Money


@event("bonuses.offered")
class BonusOffered(Event):
    """A client may accept a bonus until `until` (ISO 8601)."""

    grant_id: UUID
    client_id: UUID
    amount: Money
    until: str


@event("bonuses.granted")
class BonusGranted(Event):
    """A bonus stands as credit on the trading account."""

    grant_id: UUID
    client_id: UUID
    account_id: UUID
    amount: Money


@event("bonuses.released")
class BonusReleased(Event):
    """Enough was traded: the bonus was paid out as the client's own money."""

    grant_id: UUID
    client_id: UUID
    account_id: UUID
    amount: Money


@event("bonuses.burnt")
class BonusBurnt(Event):
    """A bonus was taken back in whole or part. `reason` is a code of `Ending`."""

    grant_id: UUID
    client_id: UUID
    account_id: UUID
    amount: Money
    reason: str


@event("bonuses.ended")
class BonusEnded(Event):
    """A bonus ended without its credit ever having been at the server. `reason` is a code of `Ending`."""

    grant_id: UUID
    client_id: UUID
    account_id: UUID
    amount: Money
    reason: str


@event("bonuses.ended_by_reversal")
class BonusEndedByReversal(Event):
    """A bonus has ended, its credit gone, because its deposit was taken back; by now that may have come again."""

    grant_id: UUID
    deposit_id: UUID


@event("bonuses.needs_attention")
class BonusNeedsAttention(Event):
    """Something about bonuses that a person must look at; `problem` is a code. `client_id` as far as it is one client's."""

    client_id: UUID | None
    account_id: UUID | None
    problem: str
