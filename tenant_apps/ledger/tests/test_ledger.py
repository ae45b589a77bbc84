"""The ledger's rules one by one, then any interleaving of them against a model of twenty lines (money.md, 2 and 8)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kernel.clock import now
from kernel.money import Money
from tenant_apps.ledger import selectors, services
from tenant_apps.ledger.errors import (
    AccountFrozen,
    AlreadyReversed,
    HoldResolved,
    InsufficientFunds,
    KeyReused,
    Unbalanced,
)
from tenant_apps.ledger.models import Entry, Transfer
from tenant_apps.ledger.services import Leg

from .support import ACTOR, clearing, deposit, eur, in_threads, wallet, withdraw


def test_a_deposit_moves_money_once_whatever_is_repeated(tenant: Any) -> None:
    account = wallet()
    first = deposit(account, 10_000, "d1")
    assert deposit(account, 10_000, "d1") == first
    assert selectors.balance(account).balance == eur(10_000)
    assert selectors.balance(clearing()).balance == eur(-10_000)
    assert Entry.objects.count() == 2
    with pytest.raises(KeyReused):
        deposit(account, 10_001, "d1")
    assert selectors.broken_invariants() == {}


def test_what_post_returns_is_what_was_written_in_one_query(tenant: Any, django_assert_num_queries: Any) -> None:
    account, house, first = wallet(), clearing(), deposit(wallet(), 500, "d1")
    legs = [Leg(account, eur(-500)), Leg(house, eur(500))]
    with django_assert_num_queries(1):
        made = services.post(
            kind="undone", legs=legs, key="u1", actor=ACTOR, effective_at=now() - timedelta(days=1), reverses=first,
            data={"why": "ж", "when": now(), "sum": eur(500), "n": [1, None, {"x": True}]},
        )  # fmt: skip
    stored = Transfer.objects.get(pk=made.pk)
    assert vars(made).keys() == vars(stored).keys()
    for field in Transfer._meta.concrete_fields:
        assert getattr(made, field.attname) == getattr(stored, field.attname), field.attname
    assert made.reverses == first


def test_more_than_is_there_is_refused_and_nothing_is_written(tenant: Any) -> None:
    account = wallet()
    deposit(account, 100, "d1")
    with pytest.raises(InsufficientFunds):
        withdraw(account, 101, "w1")
    assert Transfer.objects.count() == 1
    withdraw(account, 100, "w1")
    assert selectors.balance(account).balance == eur(0)


def test_hold_then_capture_releases_the_rest(tenant: Any) -> None:
    """money.md W24: balance 100, hold 70, withdraw 40 refused (available 30), capture 50 and void 20: 50 left."""
    account = wallet()
    deposit(account, 100, "d1")
    hold = services.hold_place(account=account, amount=eur(70), key="h1", actor=ACTOR)
    assert services.hold_place(account=account, amount=eur(70), key="h1", actor=ACTOR) == hold
    assert selectors.balance(account).available == eur(30)
    with pytest.raises(InsufficientFunds):
        withdraw(account, 40, "w1")
    legs = [Leg(account, eur(-50)), Leg(clearing(), eur(50))]
    done = services.hold_capture(hold=hold, kind="withdrawal", legs=legs, key="c1", actor=ACTOR)
    assert services.hold_capture(hold=hold, kind="withdrawal", legs=legs, key="c1", actor=ACTOR) == done
    assert selectors.balance(account) == selectors.Balance(eur(50), eur(0))
    with pytest.raises(HoldResolved):
        services.hold_void(hold=hold)
    with pytest.raises(HoldResolved):
        services.hold_capture(hold=hold, kind="withdrawal", legs=legs, key="c2", actor=ACTOR)
    assert selectors.broken_invariants() == {}


def test_void_twice_releases_once(tenant: Any) -> None:
    account = wallet()
    deposit(account, 100, "d1")
    hold = services.hold_place(account=account, amount=eur(70), key="h1", actor=ACTOR)
    services.hold_void(hold=hold)
    services.hold_void(hold=hold)
    assert selectors.balance(account) == selectors.Balance(eur(100), eur(0))


def test_frozen_account_receives_but_does_not_pay(tenant: Any) -> None:
    account = wallet()
    deposit(account, 100, "d1")
    services.account_freeze(account=account, frozen=True)
    deposit(account, 50, "d2")
    with pytest.raises(AccountFrozen):
        withdraw(account, 10, "w1")
    with pytest.raises(AccountFrozen):
        services.hold_place(account=account, amount=eur(10), key="h1", actor=ACTOR)
    assert selectors.balance(account).balance == eur(150)


def test_reversal_mirrors_the_stored_legs_once(tenant: Any) -> None:
    account = wallet()
    transfer = deposit(account, 100, "d1")
    back = services.reverse(transfer=transfer, key="r1", actor=ACTOR)
    assert selectors.balance(account).balance == eur(0)
    assert back.reverses_id == transfer.pk
    with pytest.raises(AlreadyReversed):
        services.reverse(transfer=transfer, key="r2", actor=ACTOR)


def test_exchange_has_four_legs_and_each_currency_sums_to_zero(tenant: Any) -> None:
    """money.md W27: $100.00 at 149.85 is ¥14,985."""
    dollars, yen = wallet(currency="USD"), wallet(currency="JPY")
    deposit(dollars, 10_000, "d1")
    fx_usd = services.account_ensure(owner="house", kind="fx", currency="USD")
    fx_jpy = services.account_ensure(owner="house", kind="fx", currency="JPY")
    legs = [
        Leg(dollars, Money(-10_000, "USD")),
        Leg(fx_usd, Money(10_000, "USD")),
        Leg(fx_jpy, Money(-14_985, "JPY")),
        Leg(yen, Money(14_985, "JPY")),
    ]
    services.post(kind="exchange", legs=legs, key="x1", actor=ACTOR)
    assert selectors.balance(yen).balance == Money(14_985, "JPY")
    totals: Counter[str] = Counter()
    for _, _, currency, minor in selectors.trial_balance():
        totals[currency] += minor
    assert dict(totals) == {"USD": 0, "JPY": 0}


@pytest.mark.parametrize("amounts", [(100, -99), (0, 0)])
def test_unbalanced_legs_are_refused(tenant: Any, amounts: tuple[int, int]) -> None:
    legs = [Leg(wallet(), eur(amounts[0])), Leg(clearing(), eur(amounts[1]))]
    with pytest.raises(Unbalanced):
        services.post(kind="x", legs=legs, key="k", actor=ACTOR)
    with pytest.raises(Unbalanced):
        services.post(kind="x", legs=[Leg(wallet(), Money(1, "USD")), Leg(clearing(), eur(-1))], key="k", actor=ACTOR)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_account SET balance = 1",
        "INSERT INTO ledger_entry (transfer_id, account_id, amount, created_at) VALUES (1, 1, 1, now())",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry, ledger_transfer",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
    ],
)
def test_the_applications_role_has_no_other_way_in(tenant: Any, statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_even_the_owner_cannot_write_a_lopsided_transfer_or_change_history(live_tenant: Any) -> None:
    from django.db import InternalError, connections

    from kernel.tenancy import context

    account = wallet()
    deposit(account, 100, "d1")
    with context.owner(live_tenant.schema):
        with pytest.raises(IntegrityError, match="sum to zero"), connections["owner"].cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_entry (transfer_id, account_id, amount, created_at) VALUES (1, %s, 5, now())",
                [account.pk],
            )
        for statement in ("UPDATE ledger_entry SET amount = 7", "DELETE FROM ledger_transfer"):
            with pytest.raises((IntegrityError, InternalError), match="append-only"):
                with connections["owner"].cursor() as cursor:
                    cursor.execute(statement)


def test_statement_pages_backwards(tenant: Any) -> None:
    account = wallet()
    for number in range(5):
        deposit(account, number + 1, f"d{number}")
    newest = selectors.statement(account, limit=2)
    assert [(line.amount.minor, line.balance_after.minor) for line in newest if line.balance_after] == [
        (5, 15),
        (4, 10),
    ]
    older = selectors.statement(account, before_entry=newest[-1].entry_id, limit=10)
    assert [line.amount.minor for line in older] == [3, 2, 1]


def test_fifty_at_once_with_one_key_have_one_effect(live_tenant: Any) -> None:
    """money.md W25."""
    account = wallet()
    clearing()
    answers = in_threads(lambda _: deposit(account, 100, "same").pk, 50, live_tenant)
    assert len(answers) == 50
    assert len(set(answers)) == 1
    assert selectors.balance(account).balance == eur(100)


def test_concurrent_withdrawals_never_overdraw(live_tenant: Any) -> None:
    account = wallet()
    deposit(account, 1_000, "d")
    answers = in_threads(lambda number: withdraw(account, 300, f"w{number}") and "paid", 16, live_tenant)
    assert Counter(answers) == {"paid": 3, InsufficientFunds: 13}
    assert selectors.balance(account).balance == eur(100)
    assert selectors.broken_invariants() == {}


def test_opposite_transfers_do_not_deadlock(live_tenant: Any) -> None:
    one, two = wallet("client:1"), wallet("client:2")
    deposit(one, 100_000, "d1")
    deposit(two, 100_000, "d2")

    def swap(number: int) -> str:
        source, target = (one, two) if number % 2 else (two, one)
        for turn in range(20):
            legs = [Leg(source, eur(-1)), Leg(target, eur(1))]
            services.post(kind="transfer", legs=legs, key=f"t{number}-{turn}", actor=ACTOR)
        return "done"

    assert in_threads(swap, 8, live_tenant) == ["done"] * 8
    assert selectors.balance(one).balance + selectors.balance(two).balance == eur(200_000)
    assert selectors.broken_invariants() == {}


class LedgerMachine(RuleBasedStateMachine):
    """Any order of deposits, withdrawals, holds, captures, voids, repeats and rollbacks, against plain dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.balance: dict[str, int] = {"client:1": 0, "client:2": 0}
        self.open: dict[str, tuple[str, int]] = {}
        self.keys = 0

    @initialize()
    def accounts(self) -> None:
        self.account = {name: wallet(name) for name in self.balance}

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def held(self, name: str) -> int:
        return sum(amount for owner, amount in self.open.values() if owner == name)

    @rule(name=st.sampled_from(["client:1", "client:2"]), amount=st.integers(1, 500), twice=st.booleans())
    def deposit(self, name: str, amount: int, twice: bool) -> None:
        key = self.key()
        for _ in range(1 + twice):
            deposit(self.account[name], amount, key)
        self.balance[name] += amount

    @rule(name=st.sampled_from(["client:1", "client:2"]), amount=st.integers(1, 500))
    def withdraw(self, name: str, amount: int) -> None:
        if amount > self.balance[name] - self.held(name):
            with pytest.raises(InsufficientFunds):
                withdraw(self.account[name], amount, self.key())
        else:
            withdraw(self.account[name], amount, self.key())
            self.balance[name] -= amount

    @rule(name=st.sampled_from(["client:1", "client:2"]), amount=st.integers(1, 500))
    def hold(self, name: str, amount: int) -> None:
        key = self.key()
        if amount > self.balance[name] - self.held(name):
            with pytest.raises(InsufficientFunds):
                services.hold_place(account=self.account[name], amount=eur(amount), key=key, actor=ACTOR)
        else:
            services.hold_place(account=self.account[name], amount=eur(amount), key=key, actor=ACTOR)
            self.open[key] = (name, amount)

    @rule(data=st.data())
    def resolve(self, data: st.DataObject) -> None:
        from tenant_apps.ledger.models import Hold

        if not self.open:
            return
        key = data.draw(st.sampled_from(sorted(self.open)))
        name, amount = self.open.pop(key)
        hold = Hold.objects.get(key=key)
        taken = data.draw(st.integers(0, amount))
        if taken == 0:
            services.hold_void(hold=hold)
            return
        legs = [Leg(self.account[name], eur(-taken)), Leg(clearing(), eur(taken))]
        services.hold_capture(hold=hold, kind="withdrawal", legs=legs, key=self.key(), actor=ACTOR)
        self.balance[name] -= taken

    @rule(amounts=st.lists(st.integers(1, 300), min_size=1, max_size=4), repeat=st.booleans(), data=st.data())
    def batch(self, amounts: list[int], repeat: bool, data: st.DataObject) -> None:
        """All of it or nothing; money that comes in may go out again further on, never before."""
        postings, after = [], dict(self.balance)
        for amount in amounts:
            name = data.draw(st.sampled_from(["client:1", "client:2"]))
            signed = data.draw(st.sampled_from([amount, -amount]))
            legs = [Leg(self.account[name], eur(signed)), Leg(clearing(), eur(-signed))]
            postings.append(services.Posting(kind="batch", legs=legs, key=self.key()))
            after[name] += signed
            if signed < 0 and after[name] < self.held(name):
                with pytest.raises(InsufficientFunds):
                    services.post_many(postings=postings, actor=ACTOR)
                return
        assert services.post_many(postings=postings, actor=ACTOR) == len(postings)
        self.balance = after
        if repeat:
            assert services.post_many(postings=postings, actor=ACTOR) == 0

    @rule()
    def close(self) -> None:
        services.period_close(until=now(), actor=ACTOR)

    @rule(amount=st.integers(1, 100))
    def crash(self, amount: int) -> None:
        """A transaction that dies after posting leaves nothing."""
        with pytest.raises(RuntimeError), transaction.atomic():
            deposit(self.account["client:1"], amount, self.key())
            raise RuntimeError

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "account"):
            return
        for name, account in self.account.items():
            assert selectors.balance(account) == selectors.Balance(eur(self.balance[name]), eur(self.held(name)))
        assert selectors.broken_invariants() == {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)


def test_any_history_agrees_with_the_model(tenant: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    assert selectors.broken_invariants() == {}  # each history checks its own; this is what they left together
