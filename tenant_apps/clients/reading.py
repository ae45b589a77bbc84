"""How a client reads what is written to them: in which language, by whose clock, and with which numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone, translation

from kernel.tenancy import context
from kernel.ui.formatting import numbers_of
from tenant_apps.notifications.services import language_for

from .models import Client


def zone_of(client: Client) -> ZoneInfo:
    """The client's time zone, else the brokerage's, else UTC."""
    for name in (client.time_zone, str(context.tenant().setting("time_zone") or "")):
        if name and name in available_timezones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


@contextmanager
def reader(client: Client) -> Iterator[None]:
    """Words, numbers and times within are the client's."""
    language, zone = language_for(client.language), zone_of(client)
    with translation.override(language), timezone.override(zone), numbers_of(client.country):
        yield
