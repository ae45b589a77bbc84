"""Facts about segments and series, for the neighbours."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event


@event("campaigns.segment_entered")
class SegmentEntered(Event):
    client_id: UUID
    segment_id: UUID
    segment_key: str


@event("campaigns.segment_left")
class SegmentLeft(Event):
    client_id: UUID
    segment_id: UUID
    segment_key: str


@event("campaigns.unsubscribed")
class Unsubscribed(Event):
    client_id: UUID
    reason: str
