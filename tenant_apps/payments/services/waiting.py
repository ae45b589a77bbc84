"""Who hears that a withdrawal waits: each who may take the next step, once, in their own language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import override, pgettext

from kernel.live import publish as live
from kernel.ui.formatting import money_text
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.notifications.services import language_for, notify

from ..models import Withdrawal
from ..permissions_list import APPROVE


def withdrawal_tell(withdrawal: Withdrawal) -> None:
    """Open pages draw it anew."""
    data = {"withdrawal": str(withdrawal.pk), "state": withdrawal.state}
    live.publish(f"client:{withdrawal.client_id}", data)
    live.publish("money", data)


def withdrawal_waits(row: Withdrawal, code: str, *, besides: Iterable[str]) -> None:
    """A line under the bell of everybody who holds `code` over the client; not of those in `besides` (ids).

    Called in the transaction that made the withdrawal wait, so it is told exactly once.
    """
    left_out = set(besides)
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    for user in people:
        if str(user.pk) not in left_out and actor_for(user).may(code, row.client):
            _tell(user, row, code)


def _tell(user: User, row: Withdrawal, code: str) -> None:
    with override(language_for(user.language)):
        if code == APPROVE:
            title = pgettext("notification", "A withdrawal waits for your approval")
        else:
            title = pgettext("notification", "A withdrawal waits to be checked")
        notify(
            user_id=user.pk, kind="payments.withdrawal_waits", title=title,
            body=f"{row.client.name} \u00b7 \u2066{money_text(row.amount)}\u2069 \u00b7 \u2066{row.reference}\u2069",
            link=f"/payments/withdrawals/{row.pk}/", data={"withdrawal_id": str(row.pk)},
        )  # fmt: skip
