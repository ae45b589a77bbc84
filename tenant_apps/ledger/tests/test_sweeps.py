"""Settling many accounts: chunk by chunk, each committed, none twice, and nobody waits for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tenant_apps.ledger import selectors, services, sweeps
from tenant_apps.ledger.models import Account, Entry, Transfer
from tenant_apps.ledger.services import Leg, Posting
from tenant_apps.ledger.sweeps import sweep

from .support import ACTOR, clearing, deposit, eur, in_threads, wallet, withdraw


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three postings with two legs."""
    monkeypatch.setattr(sweeps, "CHUNK_LEGS", 6)


def credits(accounts: list[Account]) -> Iterator[Posting]:
    bank = clearing()
    for account in accounts:
        yield Posting(kind="sweep", legs=[Leg(bank, eur(-10)), Leg(account, eur(10))], key=f"sweep:{account.pk}")


def wallets(count: int) -> list[Account]:
    return [wallet(f"client:{n}") for n in range(count)]


def test_each_chunk_is_committed_before_the_pause_after_it(live_tenant: Any, small_chunks: None) -> None:
    seen: list[int] = []
    pauses: list[float] = []

    def look(seconds: float) -> None:
        pauses.append(seconds)
        seen.extend(in_threads(lambda _: Transfer.objects.count(), 1, live_tenant))

    done = sweep(postings=credits(wallets(8)), actor=ACTOR, pause=look)
    assert (done.posted, done.chunks, done.refused) == (8, 3, {})
    assert seen == [3, 6]
    assert all(0 < seconds <= sweeps.LONGEST_REST for seconds in pauses)
    assert selectors.broken_invariants() == {}


def test_a_client_pays_between_two_chunks_from_an_account_that_was_swept(live_tenant: Any, small_chunks: None) -> None:
    accounts = wallets(7)
    paid: list[Any] = []

    def pay(_: float) -> None:
        paid.extend(in_threads(lambda _: withdraw(accounts[0], 1, f"w{len(paid)}").key, 1, live_tenant))

    sweep(postings=credits(accounts), actor=ACTOR, pause=pay)
    assert paid == ["w0", "w1"]
    assert selectors.balance(accounts[0]).balance == eur(8)


def test_killed_between_chunks_it_is_started_again_and_nobody_is_paid_twice(
    live_tenant: Any, small_chunks: None
) -> None:
    accounts = wallets(8)

    def die(_: float) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        sweep(postings=credits(accounts), actor=ACTOR, pause=die)
    assert Transfer.objects.count() == 3
    again = sweep(postings=credits(accounts), actor=ACTOR, pause=lambda _: None)
    assert (again.posted, again.chunks) == (5, 3)
    assert {selectors.balance(account).balance for account in accounts} == {eur(10)}
    assert Entry.objects.count() == 16
    assert selectors.broken_invariants() == {}


def test_two_of_the_same_sweep_at_once_pay_once(live_tenant: Any, small_chunks: None) -> None:
    accounts = wallets(8)
    clearing()

    def work(_: int) -> int:
        return sweep(postings=credits(accounts), actor=ACTOR, pause=lambda _: None).posted

    assert sum(in_threads(work, 3, live_tenant)) == 8
    assert {selectors.balance(account).balance for account in accounts} == {eur(10)}


def test_one_account_that_refuses_does_not_stop_the_others(live_tenant: Any, small_chunks: None) -> None:
    accounts = wallets(5)
    deposit(accounts[1], 5, "d")
    services.account_freeze(account=accounts[1], frozen=True)
    bank = clearing()
    fees = [
        Posting(kind="fee", legs=[Leg(account, eur(-1)), Leg(bank, eur(1))], key=f"fee:{n}")
        for n, account in enumerate(accounts[:2])
    ]
    done = sweep(postings=[*fees, *credits(accounts[2:])], actor=ACTOR, pause=lambda _: None)
    assert done.posted == 3
    assert done.refused == {"fee:0": "insufficient_funds", "fee:1": "account_frozen"}
    assert [selectors.balance(account).balance.minor for account in accounts] == [0, 5, 10, 10, 10]


def test_inside_a_transaction_it_refuses_to_begin(live_tenant: Any) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        sweep(postings=credits(wallets(1)), actor=ACTOR)
    assert Transfer.objects.count() == 0


def test_a_large_posting_is_a_chunk_by_itself_and_one_too_large_is_refused(
    live_tenant: Any, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = wallets(7)
    bank = clearing()
    legs = [Leg(bank, eur(-70)), *(Leg(account, eur(10)) for account in accounts)]
    large = Posting(kind="sweep", legs=legs, key="large")
    done = sweep(postings=[*credits(accounts[:1]), large], actor=ACTOR, pause=lambda _: None)
    assert (done.posted, done.chunks) == (2, 2)
    monkeypatch.setattr(sweeps, "MOST_LEGS", 7)
    with pytest.raises(ValueError, match="large"):
        sweep(postings=[large], actor=ACTOR)
