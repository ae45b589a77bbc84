"""What follows when staff give a client's log-in another e-mail address: whoever reads that address holds the account.

Both addresses are told, every session and mailed link of the account ends, and nothing is paid out until the new
address is confirmed and the brokerage's time to object has passed (setting `email_change_hold_hours`, 72 by default).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from kernel import audit, clock, sessions
from kernel.actors import Actor
from kernel.tenancy import context
from tenant_apps.accounts.links import links_void
from tenant_apps.accounts.models import User
from tenant_apps.notifications.services import mail_queue

from .models import Client
from .registration import verification_send

HOLD_HOURS = 72


def hold_hours() -> int:
    """How long nothing is paid out after a change, in hours; 0 leaves only the confirmation."""
    return max(0, int(context.tenant().setting("email_change_hold_hours", HOLD_HOURS)))


def held_until(client: Client) -> datetime | None:
    """Until when an earlier change of address keeps money in, UTC; None when it does not, or no longer by time alone."""
    if client.email_changed_at is None:
        return None
    until = client.email_changed_at + timedelta(hours=hold_hours())
    return until if until > clock.now() else None


def payout_held(client: Client) -> bool:
    """Whether a change of address still keeps money in: too recent, or the new address was never confirmed."""
    return client.email_changed_at is not None and (client.email_verified_at is None or held_until(client) is not None)


def log_in_moved(*, client: Client, before: str, actor: Actor) -> None:
    """Within the transaction that changed `client.email`: move the log-in, end it everywhere, and tell both addresses."""
    user_id = client.user_id
    assert user_id is not None, "only a client with a log-in"
    User.objects.filter(pk=user_id).update(email=client.email, email_verified_at=None, auth_epoch=F("auth_epoch") + 1)
    Client.objects.filter(pk=client.pk).update(email_changed_at=clock.now())
    client.email_changed_at = clock.now()
    sessions.end_all(user_id)
    links_void(user_id)
    audit.record(
        actor=actor, action="clients.log_in_moved", obj=client, subject=client.pk, before={"email": before},
        after={"email": client.email, "payouts_held_hours": hold_hours()},
    )  # fmt: skip
    mail_queue(
        to=before, template="clients.email_changed", language=client.language, client_id=client.pk,
        context={"name": client.first_name, "address": veiled(client.email), "hours": hold_hours()},
    )  # fmt: skip
    verification_send(client=client)


def veiled(email: str) -> str:
    """Enough of an address for its owner to know it: `l•••@example.com`."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}•••@{domain}"
