"""Many transfers in one statement: as if posted one after the other, all or none."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.ledger import selectors, services
from tenant_apps.ledger.errors import AccountClosed, AccountFrozen, InsufficientFunds, KeyReused, Unbalanced
from tenant_apps.ledger.models import Account, Entry, Transfer
from tenant_apps.ledger.services import Leg, Posting

from .support import ACTOR, clearing, deposit, eur, in_threads, wallet


def credit(account: Account, minor: int, key: str) -> Posting:
    amount = Money(minor, account.currency)
    return Posting(kind="sweep", legs=[Leg(clearing(account.currency), -amount), Leg(account, amount)], key=key,
                   data={"key": key})  # fmt: skip


def test_a_batch_is_one_query_and_what_single_posts_would_have_written(
    tenant: Any, django_assert_num_queries: Any
) -> None:
    one, two, yen = wallet("client:1"), wallet("client:2"), wallet("client:1", "JPY")
    postings = [credit(one, 100, "a"), credit(two, 7, "b"), credit(one, 50, "c"), credit(yen, 9, "d")]
    with django_assert_num_queries(1):
        assert services.post_many(postings=postings, actor=ACTOR) == 4
    assert [(line.amount.minor, line.balance_after and line.balance_after.minor, line.data)
            for line in selectors.statement(one)] == [(50, 150, {"key": "c"}), (100, 100, {"key": "a"})]  # fmt: skip
    assert selectors.balance(yen).balance == Money(9, "JPY")
    assert list(Transfer.objects.order_by("pk").values_list("key", flat=True)) == ["a", "b", "c", "d"]
    assert selectors.broken_invariants() == {}
    assert services.post(kind="sweep", legs=postings[0].legs, key="a", actor=ACTOR).key == "a"
    assert Entry.objects.count() == 8


def test_sent_again_cut_differently_it_adds_nothing(tenant: Any) -> None:
    account = wallet()
    postings = [credit(account, n, f"k{n}") for n in range(1, 9)]
    assert services.post_many(postings=postings[:3], actor=ACTOR) == 3
    assert services.post_many(postings=postings, actor=ACTOR) == 5
    assert services.post_many(postings=postings[4:], actor=ACTOR) == 0
    assert selectors.balance(account).balance == eur(36)


def test_one_refusal_refuses_all_and_names_the_one_at_fault(tenant: Any) -> None:
    account, other = wallet("client:1"), wallet("client:2")
    spend = Posting(kind="fee", legs=[Leg(other, eur(-1)), Leg(clearing(), eur(1))], key="spend")
    with pytest.raises(InsufficientFunds) as refused:
        services.post_many(postings=[credit(account, 5, "k1"), spend, credit(other, 1, "k2")], actor=ACTOR)
    assert refused.value.data["key"] == "spend"
    assert Transfer.objects.count() == 0
    services.post_many(postings=[credit(other, 1, "k2"), spend], actor=ACTOR)
    assert selectors.balance(other).balance == eur(0)
    with pytest.raises(KeyReused) as reused:
        services.post_many(postings=[credit(account, 5, "k1"), credit(other, 2, "k2")], actor=ACTOR)
    assert reused.value.data["key"] == "k2"
    assert selectors.balance(account).balance == eur(0)


def test_frozen_closed_held_and_unbalanced_are_refused(tenant: Any) -> None:
    account = wallet()
    deposit(account, 100, "d")
    spend = Posting(kind="fee", legs=[Leg(account, eur(-60)), Leg(clearing(), eur(60))], key="spend")
    hold = services.hold_place(account=account, amount=eur(50), key="h", actor=ACTOR)
    with pytest.raises(InsufficientFunds):
        services.post_many(postings=[spend], actor=ACTOR)
    services.hold_void(hold=hold)
    services.account_freeze(account=account, frozen=True)
    with pytest.raises(AccountFrozen):
        services.post_many(postings=[spend], actor=ACTOR)
    services.account_freeze(account=account, frozen=False)
    gone = wallet("client:gone")
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_account_flag(%s, false, true, now())", [gone.pk])
    with pytest.raises(AccountClosed):
        services.post_many(postings=[spend, credit(gone, 1, "k")], actor=ACTOR)
    for legs in ([Leg(account, eur(1))], [Leg(account, eur(1)), Leg(clearing(), eur(-2))],
                 [Leg(account, eur(1)), Leg(clearing("JPY"), Money(-1, "JPY"))]):  # fmt: skip
        with pytest.raises(Unbalanced):
            services.post_many(postings=[Posting(kind="x", legs=legs, key="x")], actor=ACTOR)
    services.post_many(postings=[spend], actor=ACTOR)
    assert selectors.broken_invariants() == {}


def test_a_batch_has_a_largest_size(tenant: Any) -> None:
    account = wallet()
    postings = [credit(account, 1, f"k{n}") for n in range(services.MOST_LEGS // 2 + 1)]
    with pytest.raises(ValueError, match="legs"):
        services.post_many(postings=postings, actor=ACTOR)
    assert services.post_many(postings=[], actor=ACTOR) == 0


def test_batches_and_single_posts_at_once_neither_deadlock_nor_double(live_tenant: Any) -> None:
    accounts = [wallet(f"client:{n}") for n in range(6)]
    clearing()

    def work(number: int) -> str:
        """All send the same keys, in turns of different order; half of them one by one."""
        postings = [credit(accounts[n], 10, f"same{n}") for n in range(6)]
        if number % 2:
            for posting in reversed(postings):
                services.post(kind="sweep", legs=posting.legs, key=posting.key, actor=ACTOR)
        else:
            services.post_many(postings=postings[number % 6 :] + postings[: number % 6], actor=ACTOR)
        return "done"

    assert in_threads(work, 8, live_tenant) == ["done"] * 8
    assert [selectors.balance(account).balance for account in accounts] == [eur(10)] * 6
    assert selectors.broken_invariants() == {}


def test_a_close_waits_for_postings_under_way_and_lets_no_late_one_in(live_tenant: Any) -> None:
    """A transaction that has posted but not committed is in the period; the close cannot overtake it."""
    from django.db import transaction

    from kernel import clock

    account = wallet()
    posted, closing, closed = threading.Event(), threading.Event(), threading.Event()
    made: list[Any] = []

    def poster() -> None:
        with context.use(live_tenant), transaction.atomic():
            deposit(account, 100, "slow")
            posted.set()
            closing.wait(10)
            assert not closed.wait(0.3)  # it is in the queue, and stays there
        connection.close()

    def closer() -> None:
        with context.use(live_tenant):
            closing.set()
            made.append(services.period_close(until=clock.now(), actor=ACTOR))
            closed.set()
        connection.close()

    first = threading.Thread(target=poster)
    first.start()
    assert posted.wait(10)
    second = threading.Thread(target=closer)
    second.start()
    first.join()
    second.join()
    assert made[0] is not None
    assert made[0].entries == 2
    assert selectors.balance_at(account, made[0].until) == eur(100)
    assert selectors.broken_invariants() == {}
