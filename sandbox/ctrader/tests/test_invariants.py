"""The books add up, whatever robots, swaps, stop-outs and failed transactions do to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.ctrader import cash, records, traders
from sandbox.ctrader.cash import Words
from sandbox.ctrader.happenings import Happening
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Trader
from sandbox.ctrader.registry import Plants
from sandbox.ctrader.vocabulary import BalanceType, Declined
from sandbox.exchange import store
from sandbox.exchange.clock import Clock
from sandbox.exchange.records import Action
from sandbox.mt5 import dealing, robots
from sandbox.mt5.engine import Engine

NOON = 1_700_049_600_000
"""2023-11-15 12:00 UTC, a Wednesday inside the real history."""
DIGEST = "0" * 32


class HandClock(Clock):
    """Moves only when told."""

    ms = NOON

    def now_ms(self) -> int:
        return self.ms

    def ensure_after(self, ms: int) -> None:
        self.ms = max(self.ms, ms)


def open_plant(folder: Path) -> tuple[Plant, HandClock]:
    """A plant with the default groups, on a clock the test moves."""
    clock = HandClock(folder / "clock.json")
    managers = [{"login": 1, "password": "x"}]
    return Plants(folder, clock, 7).create({"name": "inside", "managers": managers}), clock


def add(plant: Plant, balance: int, **fields: object) -> Trader:
    """A trader with money."""
    body = {"group": "raw", "currency": "USD", "passwordHash": DIGEST, "balance": balance, **fields}
    with plant.transaction():
        return traders.create(plant, body, plant.book.managers[1])


def check_books(plant: Plant) -> None:
    """Balance, bonus and versions are what the records add up to."""
    for trader in plant.traders.values():
        account, login = plant.book.accounts[trader.login], trader.login
        flows = list(records.CASH.where(plant.db, "login = ? AND is_bonus = 0", (login,)))
        moved = sum(one.delta * BalanceType(one.type).sign for one in flows if not BalanceType(one.type).is_credit)
        notes = {note.ticket: note for note in records.NOTES.where(plant.db, "login = ?", (login,))}
        closing = list(store.DEALS.where(plant.db, "login = ? AND volume_closed > 0", (login,)))
        net = sum(one.profit + notes[one.ticket].swap + notes[one.ticket].realised_commission for one in closing)
        assert account.balance == moved + net, login
        assert account.credit == trader.manager_bonus + trader.locked_bonus
        assert trader.balance_seen == account.balance
        open_commission = sum(charge.commission for charge in plant.charges.values() if charge.login == login)
        paid = sum(note.realised_commission for note in notes.values())
        assert sum(note.commission for note in notes.values()) == paid + open_commission
    assert set(plant.charges) == set(plant.book.positions)


def test_the_books_add_up_under_robots_swaps_and_stop_outs(tmp_path: Path) -> None:
    plant, clock = open_plant(tmp_path)
    made = [
        add(plant, 500_000),
        add(plant, 800_000, accountType=1, currency="EUR"),
        add(plant, 40_000, leverageInCents=50_000, group="vip"),
        add(plant, 600_000, currency="JPY", swapFree=True, group="standard"),
        add(plant, 5_000_000, currency="KWD", accountType=1),
    ]
    heard: list[Happening] = []
    plant.listeners.add(heard.extend)
    with plant.transaction():
        for trader, habit in zip(made, ("trend", "martingale", "scalper", "hedger", "martingale"), strict=True):
            robots.assign(plant, login=trader.login, habit=habit)
    engine = Engine(plant)
    for step in range(2000):
        clock.ms += 13 * 3_600_000 if step % 500 == 499 else 60_000 if step % 50 == 0 else 500
        engine.step()
    check_books(plant)
    deals = store.DEALS.count(plant.db, "action IN (0, 1)")
    assert deals > 150
    assert sum(one.kind == "deal" for one in heard) == deals
    assert sum(one.kind == "swap" for one in heard) > 0
    numbers = [one.event_id for one in heard]
    assert numbers == sorted(numbers)
    for trader in made:
        versions = [one.note.balance_version for one in heard if one.note is not None and one.login == trader.login]
        assert versions == sorted(versions)
    again = Plants(tmp_path, clock, 7).plant("inside")
    assert again is not None
    assert (again.traders, again.charges) == (plant.traders, plant.charges)
    check_books(again)


def test_a_failure_in_the_middle_leaves_nothing_and_tells_nothing(tmp_path: Path) -> None:
    plant, _ = open_plant(tmp_path)
    source, target = add(plant, 1000), add(plant, 0)
    heard: list[Happening] = []
    plant.listeners.add(heard.extend)
    with pytest.raises(Declined), plant.transaction():
        cash.transfer(plant, source, target, minor=500, arriving=0, comments=("", ""))
    assert heard == []
    assert [plant.book.accounts[one.login].balance for one in (source, target)] == [1000, 0]
    assert plant.traders[source.login].balance_version == 1
    check_books(plant)


def test_a_stop_out_s_protection_is_a_deposit_of_its_own(tmp_path: Path) -> None:
    plant, clock = open_plant(tmp_path)
    trader = add(plant, 50_000, leverageInCents=50_000)
    plant.market.fix("EURUSD", "1.10000", "1.10000", plant.wall_ms())
    plant.market.frozen = True
    with plant.transaction():
        dealing.market_order(
            plant,
            login=trader.login,
            symbol="EURUSD",
            action=Action.BUY,
            volume=20_000,
            instruction=dealing.Instruction(),
        )
    plant.market.fix("EURUSD", "1.09000", "1.09000", plant.wall_ms())
    engine = Engine(plant)
    for _ in range(4):
        clock.ms += 250
        engine.step()
    assert plant.book.accounts[trader.login].balance == 0
    kinds = [one.type for one in records.CASH.where(plant.db, "login = ? ORDER BY id", (trader.login,))]
    assert kinds == [BalanceType.DEPOSIT, BalanceType.DEPOSIT_NEGATIVE_BALANCE_PROTECTION]
    check_books(plant)


def test_a_closing_that_changes_nothing_has_no_new_version(tmp_path: Path) -> None:
    plant, _ = open_plant(tmp_path)
    trader = add(plant, 50_000)
    with plant.transaction():
        cash.change_balance(plant, trader, kind=BalanceType.DEPOSIT_NONWITHDRAWABLE_BONUS, minor=5, words=Words())
    assert (trader.balance_version, trader.locked_bonus) == (1, 5)
