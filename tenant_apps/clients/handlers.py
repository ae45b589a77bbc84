"""What clients take from events below: log-ins count as activity."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.actors import named, system
from kernel.events import Envelope, handles

from . import services
from .models import Client

LOG_IN = system(named("clients: log-in", pgettext_lazy("system actor", "Log-in")))


@handles("accounts.logged_in", name="clients.on_log_in")
def on_logged_in(event: Envelope) -> None:
    """A client's log-in: remembered, on the timeline's day count, one active day."""
    if event["realm"] != "client":
        return
    client = Client.objects.filter(user_id=event.uuid("user_id")).first()
    if client is None:
        return
    Client.objects.filter(pk=client.pk).update(last_login_at=event.created_at)
    services.activity_mark(client_id=client.pk, on=event.created_at.date(), actor=LOG_IN)
