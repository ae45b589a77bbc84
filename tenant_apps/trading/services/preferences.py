"""What a client wants to be told by mail about their accounts."""

from __future__ import annotations

from django.db import transaction

from kernel import audit
from kernel.actors import Actor
from kernel.errors import NotFound
from tenant_apps.accounts.models import User
from tenant_apps.clients.models import Client
from tenant_apps.trading.selectors import MARGIN_MAILS


@transaction.atomic
def margin_mails_set(*, actor: Actor, client: Client, wanted: bool) -> None:
    """The client's own choice. Raises NotFound for anybody else's."""
    if actor.client_id != client.pk or client.user_id is None:
        raise NotFound
    user = User.objects.select_for_update().get(pk=client.user_id)
    before = user.preferences.get(MARGIN_MAILS) is not False
    if before == wanted:
        return
    user.preferences = {**user.preferences, MARGIN_MAILS: wanted}
    user.save(update_fields=["preferences"])
    audit.record(
        actor=actor,
        action="trading.margin_mails",
        obj=client,
        before={MARGIN_MAILS: before},
        after={MARGIN_MAILS: wanted},
    )
