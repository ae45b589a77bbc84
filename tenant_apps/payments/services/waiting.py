"""Who hears that money waits for a person: each who may take the next step, once, in their own language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import pgettext

from kernel.live import publish as live
from kernel.ui.formatting import money_isolated
from tenant_apps.accounts.telling import staff_told

from ..models import BankStatement, PayoutBatch, Withdrawal
from ..permissions_list import BANK_APPROVE, BATCH_RELEASE
from .chain import may_take, next_step, role_holders


def withdrawal_tell(withdrawal: Withdrawal) -> None:
    """Open pages draw it anew."""
    live.publish(f"client:{withdrawal.client_id}", {"withdrawal": str(withdrawal.pk), "state": withdrawal.state})
    live.publish("money")


def withdrawal_waits(row: Withdrawal, *, besides: Iterable[str]) -> None:
    """A line under the bell of everybody who may take the next step; not of those in `besides` (ids).

    Called in the transaction that made the withdrawal wait, so it is told exactly once.
    """
    step = next_step(row)
    if step is None:
        return

    def words() -> tuple[str, str]:
        title = (
            pgettext("notification", "A withdrawal waits to be checked")
            if step.is_check
            else pgettext("notification", "A withdrawal waits for your approval")
        )
        return (
            title,
            f"{row.client.name} \u00b7 {money_isolated(row.amount)} \u00b7 \u2066{row.reference}\u2069",
        )

    holders = role_holders(step)
    staff_told(
        lambda reader: may_take(reader, step, row.client, holders=holders), kind="payments.withdrawal_waits", words=words,
        link=f"/payments/withdrawals/{row.pk}/", data={"withdrawal_id": str(row.pk)}, besides=besides,
    )  # fmt: skip


def statement_waits(row: BankStatement) -> None:
    """Everybody who may approve bank statements, but its uploader."""
    staff_told(
        lambda reader: reader.may(BANK_APPROVE), kind="payments.statement_waits", besides=[row.uploader_id],
        words=lambda: (
            pgettext("notification", "A bank statement waits for your approval"),
            f"{row.provider_account.name} \u00b7 \u2066{row.statement_id}\u2069",
        ),
        link=f"/payments/bank/{row.pk}/", data={"statement_id": str(row.pk)},
    )  # fmt: skip


def batch_waits(row: PayoutBatch) -> None:
    """Everybody who may release payment files, but its maker."""
    staff_told(
        lambda reader: reader.may(BATCH_RELEASE), kind="payments.batch_waits", besides=[row.maker_id],
        words=lambda: (
            pgettext("notification", "A payment file waits for your release"),
            f"\u2066{row.reference}\u2069 \u00b7 {money_isolated(row.total)}",
        ),
        link=f"/payments/batches/{row.pk}/", data={"batch_id": str(row.pk)},
    )  # fmt: skip
