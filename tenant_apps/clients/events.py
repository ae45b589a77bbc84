"""Facts about clients, for every app above."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event


@event("clients.lead_created")
class LeadCreated(Event):
    client_id: UUID
    language: str
    country: str


@event("clients.lead_assigned")
class LeadAssigned(Event):
    client_id: UUID
    owner_id: UUID
    team_id: UUID | None


@event("clients.registered")
class ClientRegistered(Event):
    client_id: UUID
    user_id: UUID
    language: str
    country: str


@event("clients.email_verified")
class ClientEmailVerified(Event):
    client_id: UUID


@event("clients.stage_changed")
class ClientStageChanged(Event):
    client_id: UUID
    stage: str
    previous: str


@event("clients.active_day")
class ClientActiveDay(Event):
    """A client was active on one more day (UTC date); `active_days` counts them all."""

    client_id: UUID
    on: str
    active_days: int
