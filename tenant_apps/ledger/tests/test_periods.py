"""Closed periods: what is snapshot, what can no longer be booked, and that reading uses it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from kernel import clock
from tenant_apps.ledger import books, selectors, services
from tenant_apps.ledger.errors import PeriodClosed
from tenant_apps.ledger.models import Entry, Period, Proof, Snapshot

from .support import ACTOR, clearing, deposit, eur, wallet, withdraw

DAY = timedelta(days=1)


def test_balances_at_any_instant_are_those_of_the_entries(tenant: Any, settable_clock: Any) -> None:
    one, two = wallet("client:1"), wallet("client:2")
    start = settable_clock.now
    moments = []
    for day in range(6):
        deposit(one, 100 + day, f"a{day}")
        if day != 3:
            deposit(two, 7, f"b{day}")
        settable_clock.advance(timedelta(hours=11))
        withdraw(one, 30, f"w{day}")
        moments.append(clock.now())
        settable_clock.advance(timedelta(hours=13))
        if day % 2:
            assert services.period_close(until=start + DAY * (day + 1), actor=ACTOR)
    for account in (one, two, clearing()):
        for moment in [start, *moments, clock.now()]:
            entries = Entry.objects.filter(account_id=account.pk, created_at__lte=moment)
            assert selectors.balance_at(account, moment).minor == sum(entry.amount for entry in entries)
    assert selectors.balance(clearing()).balance == -selectors.balance(one).balance - selectors.balance(two).balance
    assert selectors.broken_invariants() == {}


def test_reading_an_old_account_looks_at_the_entries_since_the_close_only(
    tenant: Any, settable_clock: Any, django_assert_num_queries: Any
) -> None:
    house = clearing()
    deposit(wallet(), 100, "d1")
    settable_clock.advance(DAY)
    services.period_close(until=clock.now(), actor=ACTOR)
    settable_clock.advance(timedelta(hours=1))
    deposit(wallet(), 11, "d2")
    with django_assert_num_queries(4):
        assert selectors.balance(house).balance == eur(-111)
    with connection.cursor() as cursor:  # the sum reads no entry from before
        cursor.execute("SELECT floor_entry FROM ledger_period")
        assert Entry.objects.filter(pk__gte=cursor.fetchone()[0]).count() == 2


def test_nothing_is_booked_in_a_closed_period_nor_is_it_closed_twice(tenant: Any, settable_clock: Any) -> None:
    account = wallet()
    deposit(account, 100, "d1")
    settable_clock.advance(DAY)
    until = clock.now()
    period = services.period_close(until=until, actor=ACTOR)
    assert period is not None
    assert (period.entries, Snapshot.objects.count()) == (2, 2)
    assert services.period_close(until=until, actor=ACTOR) is None
    assert services.period_close(until=until - DAY, actor=ACTOR) is None
    assert services.period_close(until=until + DAY, actor=ACTOR) is None  # not yet over
    settable_clock.advance(-timedelta(seconds=1))
    with pytest.raises(PeriodClosed):
        deposit(account, 5, "late")
    with pytest.raises(PeriodClosed):
        services.post_many(
            postings=[services.Posting(kind="x", legs=[services.Leg(account, eur(1)), services.Leg(clearing(), eur(-1))],
                                       key="x")], actor=ACTOR)  # fmt: skip
    assert deposit(account, 100, "d1").key == "d1"  # what was there is still the answer
    settable_clock.advance(timedelta(seconds=1))
    deposit(account, 5, "late")
    assert selectors.broken_invariants() == {}


def test_periods_and_snapshots_cannot_be_changed(tenant: Any) -> None:
    deposit(wallet(), 100, "d1")
    services.period_close(until=clock.now(), actor=ACTOR)
    for statement in ("UPDATE ledger_snapshot SET balance = 0", "DELETE FROM ledger_period"):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_night_closes_the_day_and_proves_the_books_once(tenant: Any, settable_clock: Any) -> None:
    settable_clock.at(2026, 11, 20, 22, 0)
    deposit(wallet(), 100, "d1")
    books.day_close()
    assert Period.objects.get().until.isoformat() == "2026-11-20T00:00:00+00:00"
    settable_clock.at(2026, 11, 21, 0, 5)
    books.day_close()
    assert Period.objects.count() == 1  # a quarter of an hour is left to what is under way
    settable_clock.at(2026, 11, 21, 0, 20)
    books.day_close()
    books.day_close()
    assert Period.objects.count() == 2
    assert [proof.good for proof in Proof.objects.order_by("at")] == [True, True]


def test_books_that_do_not_add_up_are_told(tenant: Any, settable_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kernel.models import OutboxMessage

    deposit(wallet(), 100, "d1")
    query = "SELECT id::text FROM ledger_entry"
    monkeypatch.setattr(selectors, "_PROOFS", {"I1 made to fail": query})
    settable_clock.advance(DAY)
    books.day_close()
    proof = Proof.objects.get()
    assert (proof.good, list(proof.broken)) == (False, ["I1 made to fail"])
    assert OutboxMessage.objects.get(name="ledger.unsound").payload == {"broken": ["I1 made to fail"]}
