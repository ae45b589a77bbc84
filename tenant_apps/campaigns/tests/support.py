"""People and pieces for the tests of campaigns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from kernel import clock, relay
from kernel.actors import Actor, Reach, system
from tenant_apps.clients.models import Client, Stage

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
SYSTEM = system("test")
MARKETING = Actor(
    kind="staff",
    id="018f0000-0000-7000-8000-000000000001",
    label="Mara",
    grants=dict.fromkeys(("campaigns.view", "campaigns.edit", "campaigns.send", "clients.view"), Reach.ALL),
)
_numbers = count(1)


def client_make(**values: Any) -> Client:
    """A client; `number` and `email` are unique by themselves."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "number": number,
        "first_name": "Lena",
        "last_name": "Brandt",
        "email": f"client{number}@example.com",
        "language": "de",
        "currency": "EUR",
        "stage": Stage.LEAD,
    }
    return Client.objects.create(**{**fields, **values})


class MovedClock:
    """The clock in a test: stands still until told to move."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **parts: float) -> None:
        self.at += timedelta(**parts)


@pytest.fixture
def moved_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[MovedClock]:
    """kernel.clock in the test's hand, from a Monday noon on."""
    from django.apps import apps

    from kernel import models

    moved = MovedClock(NOON)
    for name in ("now", "present"):
        monkeypatch.setattr(clock, name, moved)
    # Field defaults hold the function itself, not the module's name for it; and Django keeps what it made of them.
    original: Callable[[], datetime] = models.now
    dated = [field for model in apps.get_models() for field in model._meta.fields if field.default is original]
    for field in dated:
        monkeypatch.setattr(field, "default", moved)
        field.__dict__.pop("_get_default", None)
    yield moved
    for field in dated:
        field.__dict__.pop("_get_default", None)


def deliver() -> int:
    """Deliver every event that is due, and what those cause."""
    total = 0
    while done := relay.drain():
        total += done
    return total
