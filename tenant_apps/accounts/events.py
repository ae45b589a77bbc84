"""Facts about accounts."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event


@event("accounts.logged_in")
class LoggedIn(Event):
    """Somebody finished logging in, second factor included."""

    user_id: UUID
    realm: str
    ip: str | None
