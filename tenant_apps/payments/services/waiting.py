"""Who hears that a withdrawal waits: each who may take the next step, once, in their own language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import override, pgettext

from kernel.ui.formatting import money_text
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.notifications.services import language_for, notify

from ..models import Withdrawal
from .chain import may_take, next_step


def withdrawal_waits(row: Withdrawal, *, besides: Iterable[str]) -> None:
    """A line under the bell of everybody who may take the next step; not of those in `besides` (ids).

    Called in the transaction that made the withdrawal wait, so it is told exactly once.
    """
    step = next_step(row)
    left_out = set(besides)
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    for user in people:
        if step and str(user.pk) not in left_out and may_take(actor_for(user), step, row.client):
            _tell(user, row, approve=not step.is_check)


def _tell(user: User, row: Withdrawal, *, approve: bool) -> None:
    with override(language_for(user.language)):
        if approve:
            title = pgettext("notification", "A withdrawal waits for your approval")
        else:
            title = pgettext("notification", "A withdrawal waits to be checked")
        notify(
            user_id=user.pk, kind="payments.withdrawal_waits", title=title,
            body=f"{row.client.name} \u00b7 \u2066{money_text(row.amount)}\u2069 \u00b7 \u2066{row.reference}\u2069",
            link=f"/payments/withdrawals/{row.pk}/", data={"withdrawal_id": str(row.pk)},
        )  # fmt: skip
