"""Who hears that something waits for a decision: each who may take it, once, in their own language."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils.translation import override

from kernel.money import Money
from kernel.ui.formatting import money_text
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients.models import Client
from tenant_apps.notifications.services import language_for, notify


def staff_tell(
    *, right: str, client: Client, kind: str, title: Callable[[], str], amount: Money, reference: str, link: str,
    besides: Iterable[str] = (),
) -> None:  # fmt: skip
    """A line under the bell of everybody who holds `right` over the client, but those in `besides` (ids).

    Called in the transaction that made it wait, so it is told exactly once.
    """
    left_out = set(besides)
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    for user in people:
        if str(user.pk) in left_out or not actor_for(user).may(right, client):
            continue
        with override(language_for(user.language)):
            body = f"{client.name} \u00b7 \u2066{money_text(amount)}\u2069 \u00b7 \u2066{reference}\u2069"
            notify(user_id=user.pk, kind=kind, title=title(), body=body, link=link, data={"reference": reference})
