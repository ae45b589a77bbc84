"""What is stuck anywhere: at the age the brokerage set, told once, and again when it has grown older by as much."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.bonuses.services.waiting_long import earned_before
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, period_close, post
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.models import WithdrawalPart
from tenant_apps.payments.tests.support import SYSTEM, eur, make_account, staff
from tenant_apps.reconciliation import selectors
from tenant_apps.reconciliation.alarm_models import AGES
from tenant_apps.reconciliation.models import Alarm, Case, Correction, DeskSettings, PreparedClose
from tenant_apps.reconciliation.services import stuck as stuck_services
from tenant_apps.reconciliation.services.alarms import alarms_run, settings_save
from tenant_apps.reconciliation.services.stuck import stuck, watches
from tenant_apps.reconciliation.standing import owed, owed_before
from tenant_apps.trading.models import Direction, Transfer

from .stuck_things import ONE_OF_EACH, batch, bonus, change, overdue, statement, suspense, transfer

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _any_time(settings: Any) -> None:
    settings.DEMO = True  # the clock may be set


def kinds() -> list[str]:
    return sorted(selectors.alarms().values_list("kind", flat=True))


@pytest.mark.parametrize("setting", sorted(ONE_OF_EACH))
def test_each_is_stuck_at_its_own_age_and_not_before(tenant: Any, setting: str) -> None:
    kind, make = ONE_OF_EACH[setting]
    start = clock.now()
    settings_save(actor=staff(), **{setting: 5})
    age = DeskSettings.objects.get().age(setting)
    assert age == (timedelta(hours=5) if setting.endswith("_hours") else timedelta(days=5))
    make(start)
    with clock.frozen_at(start + age - timedelta(days=1 if kind == "bank_line" else 0) - SECOND):
        assert (alarms_run(), kinds()) == (0, [])
    with clock.frozen_at(start + age + SECOND):
        assert (alarms_run(), kinds()) == (1, [kind])


def test_every_age_in_the_form_is_watched() -> None:
    ages = [watch.age for watch in watches(DeskSettings(**{name: 10 + n for n, name in enumerate(AGES)}))]
    expected = {DeskSettings(**{name: 10 + n}).age(name) for n, name in enumerate(AGES)}
    assert {age for age in ages if age is not None} == expected


def test_what_waits_for_a_second_person_is_stuck_whatever_it_is(tenant: Any) -> None:
    start = clock.now() - timedelta(hours=25)
    case = Case.objects.create(
        provider_account=make_account("stripe"), kind="differs", fact="line:1", label="pi_1", currency="EUR",
        happened_at=clock.now(),
    )  # fmt: skip
    Correction.objects.create(
        case=case, source="clearing", target="suspense", amount_minor=5, currency="EUR", proposer_id="a",
        proposer_label="A", created_at=start,
    )  # fmt: skip
    statement(start, state="waiting")
    statement(start, state="approved")
    batch(start)
    change(start)
    change(start, kind="trading_case")
    PreparedClose.objects.create(day=start.date(), preparer_id="a", preparer_label="A", updated_at=start)
    alarms_run()
    assert kinds() == ["second"] * 6
    links = {alarm.link.split("/")[1] + "/" + alarm.link.split("/")[2] for alarm in selectors.alarms()}
    assert links == {
        "payments/bank", "payments/batches", "payments/changes", "reconciliation/cases", "reconciliation/close",
        "trading/cases",
    }  # fmt: skip


def test_a_refused_payout_said_to_be_paid_is_stuck_while_nobody_answers(tenant: Any) -> None:
    start = clock.now()
    row = overdue(start)
    WithdrawalPart.objects.create(
        withdrawal=row, provider_account=make_account("skrill"), state="failed", doubted_at=start, amount_minor=500,
        currency="EUR",
    )  # fmt: skip
    with clock.frozen_at(start + timedelta(hours=1) - SECOND):
        assert kinds_found() == []
    with clock.frozen_at(start + timedelta(hours=1)):
        assert kinds_found() == [("unknown", row.reference)]
    WithdrawalPart.objects.update(doubted_at=None)
    with clock.frozen_at(start + timedelta(hours=2)):
        assert kinds_found() == []


def kinds_found() -> list[tuple[str, str]]:
    alarms_run()
    return [(alarm.kind, alarm.label) for alarm in selectors.alarms()]


def test_practice_money_is_no_money_on_its_way(tenant: Any) -> None:
    transfer(clock.now() - timedelta(days=1), direction=Direction.DEMO)
    assert alarms_run() == 0


def test_told_once_and_again_when_it_has_grown_older_by_the_setting(tenant: Any) -> None:
    watcher, start = person("finance"), clock.now()
    overdue(start)

    def told(hours: float) -> int:
        with clock.frozen_at(start + timedelta(hours=hours)):
            alarms_run()
        return Notification.objects.filter(user_id=watcher.pk, kind="reconciliation.alarm").count()

    assert [told(3.9), told(4.1), told(5), told(8), told(8.2), told(12), told(12.3)] == [0, 1, 1, 1, 2, 2, 3]
    assert Alarm.objects.count() == 1


def test_what_was_only_cut_off_is_no_news(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """More are stuck than are looked at: as the oldest go, others come up that were there all the time."""
    monkeypatch.setattr(stuck_services, "MOST", 3)
    rows = [transfer(clock.now() - timedelta(hours=9 - n)) for n in range(5)]
    assert alarms_run() == 3
    Transfer.objects.filter(pk=rows[0].pk).update(state="done")
    assert (alarms_run(), kinds()) == (0, ["transfer"] * 3)
    Transfer.objects.filter(pk__in=[rows[1].pk, rows[2].pk]).update(state="done")
    assert (alarms_run(), kinds()) == (0, ["transfer"] * 2)
    transfer(clock.now() - timedelta(hours=3))
    assert (alarms_run(), kinds()) == (1, ["transfer"] * 3)


def test_what_moved_on_ends_and_what_comes_back_soon_is_not_told_again(tenant: Any) -> None:
    start = clock.now()
    row = transfer(start - timedelta(hours=3))
    assert alarms_run() == 1
    Transfer.objects.filter(pk=row.pk).update(state="done")
    assert (alarms_run(), kinds()) == (0, [])
    Transfer.objects.filter(pk=row.pk).update(state="pending")
    assert (alarms_run(), kinds()) == (0, ["transfer"])
    with clock.frozen_at(start + timedelta(hours=3)):
        assert alarms_run() == 1


def test_an_alarm_of_the_release_before_counts_as_told_when_it_was_made(tenant: Any) -> None:
    overdue(clock.now() - timedelta(hours=9))
    alarms_run()
    Alarm.objects.update(told_at=None)
    assert alarms_run() == 0
    Alarm.objects.update(told_at=None, created_at=clock.now() - timedelta(hours=5))
    assert alarms_run() == 1


def test_the_amount_shown_follows_what_is_left(tenant: Any) -> None:
    row = suspense(clock.now() - timedelta(days=4))
    alarms_run()
    row.left_minor = 100
    row.save()
    assert alarms_run() == 0
    assert selectors.alarms().get().amount_minor == 100


# --- what providers owe


def booked(account: Any, amount: str, days: float) -> None:
    """Positive: it owes us so much more, so many days ago."""
    clearing = account_ensure(owner=HOUSE, kind=f"clearing:{account.pk}", currency="EUR")
    other = account_ensure(owner=HOUSE, kind="suspense", currency="EUR")
    with clock.frozen_at(clock.now() - timedelta(days=days)):
        legs = [Leg(clearing, -eur(amount)), Leg(other, eur(amount))]
        post(kind="test", legs=legs, key=f"{account.pk}:{amount}:{days}", actor=SYSTEM)


@pytest.mark.parametrize("closed", [None, 20, 10.5, 4])
def test_what_was_owed_long_ago_is_what_payouts_since_did_not_settle(tenant: Any, closed: float | None) -> None:
    """Whether the books were closed in between or not."""
    slow, quick, bank = make_account("stripe"), make_account("paytabs"), make_account("bank_wire", settings={})
    for account in (slow, quick, bank):
        booked(account, "100.00", 16)
    booked(slow, "-10.00", 15)
    booked(slow, "40.00", 5)
    booked(slow, "-70.00", 3)
    booked(quick, "55.00", 2)
    booked(quick, "-100.00", 1)
    if closed is not None:
        period_close(until=clock.now() - timedelta(days=closed), actor=SYSTEM)
    found = [(row.account, row.owed) for row in owed_before(clock.now() - timedelta(days=10))]
    assert found == [(str(slow.pk), eur("20.00"))]
    (whole,) = [row for row in owed() if row.account == str(slow.pk)]
    assert whole.ages[2] == eur("20.00")  # the page tells the same


def test_a_clearing_balance_too_old_is_told_again_only_after_as_many_days(tenant: Any) -> None:
    slow, start = make_account("stripe"), clock.now()
    booked(slow, "100.00", 16)
    booked(slow, "1.00", 1)
    assert (alarms_run(), kinds()) == (1, ["clearing"])
    assert selectors.alarms().get().amount == eur("100.00")
    told = []
    for days in (1, 13, 14.1, 20):
        with clock.frozen_at(start + timedelta(days=days)):
            told.append(alarms_run())
    assert told == [0, 0, 1, 0]
    booked(slow, "-101.00", 0)
    with clock.frozen_at(start + timedelta(days=21)):
        assert (alarms_run(), kinds()) == (0, [])


# --- bonuses


def test_a_bonus_counts_as_earned_from_the_deal_that_made_it_so(tenant: Any) -> None:
    at = clock.now() - timedelta(days=10)
    early, late = bonus(at), bonus(at, traded_at=at + timedelta(days=8))
    assert earned_before(at + SECOND) == [early]
    assert earned_before(at + timedelta(days=9)) == [early, late]


# --- cost


def test_looking_costs_the_same_however_much_is_stuck(tenant: Any) -> None:
    at, costs = clock.now() - timedelta(days=90), []
    for more in (1, 4):
        for _ in range(more):
            for _, make in ONE_OF_EACH.values():
                make(at)
            batch(at)
            change(at)
            booked(make_account("stripe"), "5.00", 90)
        with CaptureQueriesContext(connection) as queries:
            found = stuck(DeskSettings())
        costs.append(len(queries))
    assert len(found) == 5 * (len(ONE_OF_EACH) + 3)
    assert costs[0] == costs[1] <= 26
