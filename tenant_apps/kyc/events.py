from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event


@event("kyc.submitted")
class KycSubmitted(Event):
    client_id: UUID
    case_id: UUID


@event("kyc.approved")
class KycApproved(Event):
    client_id: UUID
    case_id: UUID
    level: int


@event("kyc.more_needed")
class KycMoreNeeded(Event):
    client_id: UUID
    case_id: UUID
    reason: str


@event("kyc.rejected")
class KycRejected(Event):
    client_id: UUID
    case_id: UUID
    reason: str
