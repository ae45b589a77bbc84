"""Rules see every event that is about a client."""

from __future__ import annotations

from kernel.events import EVERY, Envelope, handles

from . import engine


@handles(EVERY, name="automation.rules")
def rules(event: Envelope) -> None:
    engine.on_event(event)
