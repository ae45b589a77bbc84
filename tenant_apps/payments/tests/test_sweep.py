"""The sweep asks what it can, ends what nobody can answer, and no one payment keeps it from the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from kernel import clock
from kernel.tasks import going_on
from tenant_apps.payments.models import Deposit, DepositState, ProviderAccount, WithdrawalPart
from tenant_apps.payments.services.deposits import deposit_ask
from tenant_apps.payments.services.parts import parts_to_ask
from tenant_apps.payments.tasks import deposits_to_ask, sweep

from .support import SYSTEM, make_account, make_client
from .test_told_amounts import failed_refund
from .test_withdrawals import funded, requested


def ended(kind: str, reference: str, wanted: timedelta) -> Deposit:
    """One that ended unpaid, and of which news came since."""
    return Deposit.objects.create(
        client=make_client(), provider_account=make_account(kind), reference="D00000001", provider_reference=reference,
        amount_minor=50_000, currency="EUR", method="card", state=DepositState.EXPIRED,
        ask_wanted_at=clock.now() - wanted,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "reference"), [("cryptoproc", "unknown there"), ("stripe", "")])
def test_news_that_nothing_can_be_learnt_of_is_not_asked_about_for_ever(tenant: Any, kind: str, reference: str) -> None:
    """The provider knows of no such payment, or there is nothing to ask by: a while after its own news that is its last
    word."""
    deposit = ended(kind, reference, timedelta(minutes=50))
    for minutes, left in ((50, [deposit.pk]), (70, [])):
        Deposit.objects.update(ask_wanted_at=clock.now() - timedelta(minutes=minutes), asked_at=None)
        assert deposits_to_ask() == [deposit.pk]
        deposit_ask(deposit_id=deposit.pk, actor=SYSTEM)
        Deposit.objects.update(asked_at=clock.now() - timedelta(minutes=20))
        assert deposits_to_ask() == left
    deposit.refresh_from_db()
    assert (deposit.state, deposit.ask_wanted_at) == (DepositState.EXPIRED, None)


def test_one_that_fails_does_not_end_the_sweep(tenant: Any) -> None:
    """An adapter that is not installed any more, or has a defect."""
    first, second = failed_refund()[2], requested(funded()).parts.get()
    ProviderAccount.objects.filter(pk=first.provider_account_id).update(kind="gone")
    now = clock.now()
    for part, hours in ((first, 9), (second, 8)):
        asked = now - timedelta(hours=hours)
        WithdrawalPart.objects.filter(pk=part.pk).update(state="failed", doubted_at=asked, updated_at=asked)
    assert (parts_to_ask(), sweep.run(), parts_to_ask()) == ([first.pk, second.pk], 2, [])


def test_a_sweep_that_takes_too_long_ends_all_the_same() -> None:
    with pytest.raises(SoftTimeLimitExceeded), going_on("one"):
        raise SoftTimeLimitExceeded
