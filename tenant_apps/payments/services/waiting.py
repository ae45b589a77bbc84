"""Who hears that money waits for a person: each who may take the next step, once, in their own language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import override, pgettext

from kernel.live import publish as live
from kernel.ui.formatting import money_text
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.notifications.services import language_for, notify

from ..models import BankStatement, PayoutBatch, Withdrawal
from ..permissions_list import BANK_APPROVE, BATCH_RELEASE
from .chain import may_take, next_step


def withdrawal_tell(withdrawal: Withdrawal) -> None:
    """Open pages draw it anew."""
    data = {"withdrawal": str(withdrawal.pk), "state": withdrawal.state}
    live.publish(f"client:{withdrawal.client_id}", data)
    live.publish("money", data)


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


def statement_waits(row: BankStatement) -> None:
    """Everybody who may approve bank statements, but its uploader."""
    for user in _holders(BANK_APPROVE, besides=row.uploader_id):
        notify(
            user_id=user.pk, kind="payments.statement_waits",
            title=pgettext("notification", "A bank statement waits for your approval"),
            body=f"{row.provider_account.name} \u00b7 \u2066{row.statement_id}\u2069",
            link=f"/payments/bank/{row.pk}/", data={"statement_id": str(row.pk)},
        )  # fmt: skip


def batch_waits(row: PayoutBatch) -> None:
    """Everybody who may release payment files, but its maker."""
    for user in _holders(BATCH_RELEASE, besides=row.maker_id):
        notify(
            user_id=user.pk, kind="payments.batch_waits",
            title=pgettext("notification", "A payment file waits for your release"),
            body=f"\u2066{row.reference}\u2069 \u00b7 \u2066{money_text(row.total)}\u2069",
            link=f"/payments/batches/{row.pk}/", data={"batch_id": str(row.pk)},
        )  # fmt: skip


def _holders(code: str, *, besides: str) -> Iterator[User]:
    """Each is told in their own language, so the caller's words are chosen while the language is theirs."""
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    for user in people:
        if str(user.pk) != besides and actor_for(user).may(code):
            with override(language_for(user.language)):
                yield user


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
