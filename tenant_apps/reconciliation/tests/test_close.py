"""A day's close: figures, proofs, two people, and a row that never changes. And what is stuck, told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.errors import Forbidden
from kernel.models import InboxMessage
from tenant_apps.accounts.tests.support import actor, log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, client_owner, post
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.errors import SamePerson
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.ports import DepositStatus, PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.parts import part_apply
from tenant_apps.payments.tests.support import SYSTEM, eur, make_account, make_client, staff
from tenant_apps.reconciliation import selectors
from tenant_apps.reconciliation.alarm_models import AGES
from tenant_apps.reconciliation.errors import CaseClosed, DayNotOver, FiguresChanged, ReasonMissing
from tenant_apps.reconciliation.models import Alarm, Case, DayClose, DeskSettings
from tenant_apps.reconciliation.permissions_list import CLOSE, SIGN
from tenant_apps.reconciliation.services.alarms import alarms_run, settings_save
from tenant_apps.reconciliation.services.close import (
    chain_broken,
    close_prepare,
    close_sign,
    figures_of,
    fingerprint,
    shown,
)
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.wallets.tests.support import give

from .support import credited, stripe, stripe_file, stripe_line, take_in
from .test_compare import paid_part, refund_part

Back = Callable[[float], None]


@pytest.fixture
def back(monkeypatch: pytest.MonkeyPatch) -> Back:
    """Let it be so many days ago."""
    real = clock.present()
    noon = real.replace(hour=12, minute=0)

    def go(days: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: noon - timedelta(days=days) if days else real)

    return go


def yesterday() -> date:
    return clock.today() - timedelta(days=1)


def test_a_days_figures_and_what_proves_them(tenant: Any, back: Back) -> None:
    account = stripe()
    back(2)
    before = credited(account, "500.00")
    back(1)
    deposit = credited(account, "100.00", fee_minor=200, status={"fee": eur("1.50")})
    paid_part(before, "30.00", "re_1")
    taken = DepositStatus(state=PaymentState.REVERSED, provider_reference="", amount=eur("10.00"))
    deposit_apply(deposit_id=deposit.pk, status=taken, actor=SYSTEM)
    back(0)
    credited(account, "7.00")  # today's: of no consequence
    (one,) = figures_of(yesterday())
    assert {name: one[name] for name in ("opening", "deposits", "fees", "withdrawals", "reversals", "closing")} == {
        "opening": 50_000, "deposits": 10_000, "fees": -200, "withdrawals": -3_000, "reversals": -1_000, "closing": 55_800,
    }  # fmt: skip
    assert one["proofs"] == {
        "deposits": [10_000, 10_000], "withdrawals": [-3_000, -3_000], "balances": [55_800, 55_800], "ledger": [0, 0],
    }  # fmt: skip
    assert (one["requirement"], one["providers"], one["bank"], one["provider_fees"]) == (55_800, 55_850, 0, -150)
    (told,) = shown([one])
    assert (told.right, told.cover) == (True, eur("0.50"))


def test_a_fee_of_a_withdrawal_is_shown_apart_from_what_was_sent(tenant: Any, back: Back) -> None:
    back(2)
    before = credited(stripe(), "500.00")
    back(1)
    part = refund_part(before, "30.00", fee_minor=250)
    status = RefundStatus(state=RefundState.SUCCEEDED, reference="re_1", amount=part.amount)
    part_apply(part_id=part.pk, status=status, actor=SYSTEM)
    back(0)
    (one,) = figures_of(yesterday())
    assert (one["withdrawals"], one["fees"], one["closing"]) == (-3_000, -250, 46_750)
    assert one["proofs"]["withdrawals"] == [-3_000, -3_000]
    back(1)
    refused = RefundStatus(state=RefundState.FAILED, reference="re_1", amount=part.amount)
    part_apply(part_id=part.pk, status=refused, actor=SYSTEM)
    back(0)
    (one,) = figures_of(yesterday())
    assert (one["withdrawals"], one["fees"], one["closing"]) == (0, 0, 50_000)
    assert one["proofs"]["withdrawals"] == [0, 0]


@pytest.mark.parametrize(("spent", "carried"), [("0", 0), ("490", 2_000)])
def test_what_was_paid_late_proves_itself_whoever_bore_it(tenant: Any, back: Back, spent: str, carried: int) -> None:
    """Failed, and paid after all when the wallet may not have it any more; then returned."""
    back(2)
    before = credited(stripe(), "500.00")
    part = refund_part(before, "30.00")

    def told(state: RefundState) -> str:
        status = RefundStatus(state=state, reference="re_1", amount=part.amount)
        return part_apply(part_id=part.pk, status=status, actor=SYSTEM, asked=True)

    told(RefundState.FAILED)
    give(before.client, f"-{spent}") if spent != "0" else None
    back(1)
    assert told(RefundState.SUCCEEDED) == "paid"
    back(0)
    (one,) = figures_of(yesterday())
    assert (one["withdrawals"], one["other"]) == (-3_000 + carried, 0)
    assert one["proofs"]["withdrawals"] == [-3_000, -3_000]
    back(1)
    assert told(RefundState.FAILED) == "returned"
    back(0)
    (one,) = figures_of(yesterday())
    assert (one["withdrawals"], one["other"], one["proofs"]["withdrawals"]) == (0, 0, [0, 0])


@pytest.mark.parametrize("lost", [False, True])
def test_what_was_presumed_and_told_otherwise_proves_itself(tenant: Any, back: Back, lost: bool) -> None:
    back(1)
    deposit = credited(stripe(), "100.00", status={"state": PaymentState.REVERSED, "amount": None})
    if not lost:
        won = DepositStatus(state=PaymentState.REINSTATED, provider_reference="", amount=None)
        deposit_apply(deposit_id=deposit.pk, status=won, actor=SYSTEM)
    paid = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=eur("60.00"))
    assert deposit_apply(deposit_id=deposit.pk, status=paid, actor=SYSTEM) == "told otherwise"
    back(0)
    (one,) = shown(figures_of(yesterday()))
    assert (one.right, one.values["closing"], one.values["other"]) == (
        True,
        eur("0.00" if lost else "60.00"),
        eur("0.00"),
    )


def test_documents_that_say_something_else_are_seen(tenant: Any, back: Back) -> None:
    back(1)
    deposit = credited(stripe(), "100.00")
    Deposit.objects.filter(pk=deposit.pk).update(received_minor=9_000)
    back(0)
    (one,) = shown(figures_of(yesterday()))
    assert not one.right
    assert [(name, less) for name, *_, less in one.proofs if less] == [("deposits", eur("-10.00"))]


def test_clients_in_debt_cover_nobody_else(tenant: Any, back: Back) -> None:
    """The requirement is the sum of what is owed to each client, not the net of all."""
    back(1)
    account = stripe()
    credited(account, "100.00")
    debtor = account_ensure(owner=client_owner(make_client().pk), kind="trading:77", currency="EUR", overdraft=True)
    pnl = account_ensure(owner=HOUSE, kind="trading-pnl", currency="EUR")
    post(kind="trading.deal", legs=[Leg(debtor, eur("-40.00")), Leg(pnl, eur("40.00"))], key="t:1", actor=SYSTEM)
    take_in(account, stripe_file(stripe_line("payout", "-25.00")))
    account_compare(account_id=account.pk)
    back(0)
    (one,) = figures_of(yesterday())
    assert (one["closing"], one["trading"], one["requirement"]) == (6_000, -4_000, 10_000)
    assert (one["providers"], one["bank"]) == (7_500, 2_500)


def test_one_prepares_another_signs_and_nobody_changes_it(tenant: Any, back: Back) -> None:
    back(2)
    credited(stripe(), "100.00")
    back(0)
    both, second = staff(CLOSE, SIGN), staff(SIGN)
    with pytest.raises(DayNotOver):
        close_prepare(actor=both, day=clock.today())
    with pytest.raises(CaseClosed):
        close_sign(actor=second, day=yesterday())
    close_prepare(actor=both, day=yesterday())
    with pytest.raises(SamePerson):
        close_sign(actor=both, day=yesterday())
    with pytest.raises(Forbidden):
        close_sign(actor=staff(CLOSE), day=yesterday())
    row = close_sign(actor=second, day=yesterday())
    with pytest.raises(CaseClosed):
        close_prepare(actor=both, day=yesterday())
    with pytest.raises(CaseClosed):
        close_sign(actor=second, day=yesterday())
    close_prepare(actor=both, day=yesterday() - timedelta(days=1))
    later = close_sign(actor=second, day=yesterday() - timedelta(days=1))
    assert (later.previous_sha256, row.sha256) == (row.sha256, fingerprint(row.day, row.figures, ""))
    assert chain_broken() == []


@pytest.mark.parametrize("how", ["update", "delete"])
def test_the_database_refuses_to_change_a_signed_close(tenant: Any, back: Back, how: str) -> None:
    close_prepare(actor=staff(CLOSE), day=yesterday())
    row = close_sign(actor=staff(SIGN), day=yesterday())
    with pytest.raises(ProgrammingError, match="permission denied"):
        DayClose.objects.filter(pk=row.pk).update(note="x") if how == "update" else row.delete()


def test_what_was_posted_into_the_day_meanwhile_has_to_be_prepared_again(tenant: Any, back: Back) -> None:
    back(1)
    deposit = credited(stripe(), "100.00")
    back(0)
    close_prepare(actor=staff(CLOSE), day=yesterday())
    Deposit.objects.filter(pk=deposit.pk).update(received_minor=1)
    with pytest.raises(FiguresChanged):
        close_sign(actor=staff(SIGN), day=yesterday())
    close_prepare(actor=staff(CLOSE), day=yesterday())
    with pytest.raises(ReasonMissing):
        close_sign(actor=staff(SIGN), day=yesterday())
    assert close_sign(actor=staff(SIGN), day=yesterday(), note="A document was changed by hand").note


def test_figures_cost_the_same_however_much_happened(tenant: Any, back: Back) -> None:
    counts = []
    for size in (1, 12):
        back(1)
        account = stripe()
        for _ in range(size):
            credited(account)
        back(0)
        with CaptureQueriesContext(connection) as queries:
            figures_of(yesterday())
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 18


# --- what is stuck


def test_what_is_stuck_is_found_told_once_and_ends(tenant: Any, back: Back) -> None:
    watcher = person("finance")
    account = stripe()
    back(9)
    late = Deposit.objects.create(
        client=make_client(), reference="DSTUCK", amount_minor=500, currency="EUR", method="sepa_debit",
        provider_account=account, state=DepositState.DELAYED, pending_at=clock.now(),
    )  # fmt: skip
    take_in(account, stripe_file(stripe_line(gross="5.00")))
    account_compare(account_id=account.pk)
    InboxMessage.objects.create(
        source=f"payments.stripe:{account.pk}",
        event_key="evt_dead",
        body=b"{}",
        dead_at=clock.now(),
        received_at=clock.now(),
    )
    back(0)
    assert [alarms_run(), alarms_run()] == [3, 0]
    assert sorted(selectors.alarms().values_list("kind", flat=True)) == ["case", "deposit", "message"]
    assert Notification.objects.filter(user_id=watcher.pk, kind="reconciliation.alarm").count() == 1
    assert (
        sum(rows.count() for rows in selectors.waiting(actor(watcher))) == 3
    )  # the case once, though it is an alarm too
    Deposit.objects.filter(pk=late.pk).update(state=DepositState.FAILED)
    assert alarms_run() == 0
    assert Alarm.objects.get(kind="deposit").ended_at is not None


def test_how_long_is_too_long_is_the_brokers_to_say(tenant: Any, back: Back) -> None:
    back(2)
    take_in(account := stripe(), stripe_file(stripe_line(gross="5.00")))
    account_compare(account_id=account.pk)
    back(0)
    assert alarms_run() == 0
    settings_save(actor=staff(), deposit_days=7, withdrawal_days=3, case_days=1)
    assert alarms_run() == 1


# --- the office


def test_every_page_of_the_desk_opens_and_costs_the_same(tenant: Any, back: Back) -> None:
    office, account = log_in(tenant, person("finance")), stripe()
    make_account("bank_wire", settings={})
    day = yesterday().isoformat()
    pages = (
        "/reconciliation/", "/reconciliation/alarms/", "/reconciliation/close/", f"/reconciliation/close/{day}/",
        "/reconciliation/settings/", f"/reconciliation/close/{day}/export/",
    )  # fmt: skip
    counts: list[list[int]] = []
    for size in (1, 9):
        back(4)
        take_in(account, stripe_file(*(stripe_line(gross=f"{size}.{n:02}") for n in range(size))))
        account_compare(account_id=account.pk)
        credited(account)
        back(0)
        alarms_run()
        counts.append([])
        for path in pages:
            office.get(path)
            with CaptureQueriesContext(connection) as queries:
                assert office.get(path).status_code == 200, path
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
    assert office.get("/reconciliation/close/2026-13-01/").status_code == 404
    assert office.get("/reconciliation/close/someday/").status_code == 404


def test_a_day_is_prepared_and_signed_in_the_office(tenant: Any) -> None:
    ann, bob = log_in(tenant, person("finance", name="Ann")), log_in(tenant, person("finance", name="Bob"))
    place = f"/reconciliation/close/{yesterday().isoformat()}/"
    assert ann.post(f"{place}prepare/", {"note": "quiet"}).status_code == 302
    assert "/sign/" not in ann.get(place).content.decode()
    assert "/sign/" in bob.get(place).content.decode()
    assert bob.post(f"{place}sign/").status_code == 302
    body = bob.get(place).content.decode()
    assert "Ann" in body
    assert "/prepare/" not in body
    assert DayClose.objects.get().note == "quiet"


def test_settings_are_saved_and_refused_out_of_range(tenant: Any) -> None:
    office = log_in(tenant, person("finance"))
    given = {name: str(2 + number) for number, name in enumerate(AGES)}
    assert office.post("/reconciliation/settings/", {**given, "case_days": "0"}).status_code == 422
    assert office.post("/reconciliation/settings/", given).status_code == 302
    saved = DeskSettings.objects.get()
    assert {name: str(getattr(saved, name)) for name in AGES} == given
    assert "<bdi>13</bdi>" in office.get("/reconciliation/alarms/").content.decode()
    assert not Case.objects.exists()
