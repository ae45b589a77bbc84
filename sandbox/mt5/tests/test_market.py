"""Prices, days and robots, on a clock moved by hand."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.exchange.feed import HISTORY, Feed
from sandbox.exchange.money import scaled_text
from sandbox.mt5 import dealing, risk, robots
from sandbox.mt5.commands.users import balances_by_deals
from sandbox.mt5.dealing import Instruction
from sandbox.mt5.engine import Engine
from sandbox.mt5.tests.inside import NOON, add_account, make_server


def test_the_curve_passes_through_every_real_fixing() -> None:
    feed = Feed(7, HISTORY)
    with HISTORY.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[::97]:
        moment = datetime.strptime(row["Date"], "%Y-%m-%d").replace(hour=15, tzinfo=UTC)
        at_ms = int(moment.timestamp()) * 1000
        for currency in ("USD", "JPY", "TRY"):
            assert feed.per_euro(currency, at_ms) == pytest.approx(float(row[currency]), rel=1e-12)


def test_the_curve_depends_on_the_seed_and_the_time_only() -> None:
    moments = [NOON + step * 333 for step in range(50)]
    first, second, other = Feed(7, HISTORY), Feed(7, HISTORY), Feed(8, HISTORY)
    backwards = [second.per_euro("XAU", at) for at in reversed(moments)][::-1]
    assert [first.per_euro("XAU", at) for at in moments] == backwards
    assert [other.per_euro("XAU", at) for at in moments] != backwards


def test_the_curve_is_continuous_beyond_the_history() -> None:
    feed = Feed(7, HISTORY)
    far = 1_800_000_000_000
    for currency in ("USD", "JPY", "KZT", "XAU", "US500", "BTC"):
        rates = [feed.per_euro(currency, far + step * 3_600_000) for step in range(24 * 5)]
        jumps = [abs(after / before - 1) for before, after in zip(rates, rates[1:], strict=False)]
        assert max(jumps) < 0.05
        assert min(rates) > 0


def test_majors_tick_several_times_a_second(tmp_path: Path) -> None:
    server, clock = make_server(tmp_path)
    changes = 0
    for _ in range(40):
        clock.ms += 250
        changes += len(server.market.step(clock.ms, server.wall_ms()))
    assert changes >= 40
    for quote in server.market.quotes.values():
        assert 0 < quote.bid < quote.ask


def test_robots_keep_accounts_moving_and_the_books_straight(tmp_path: Path) -> None:
    server, clock = make_server(tmp_path, autotrade=True)
    for login, habit in enumerate(("trend", "scalper", "martingale", "hedger"), start=1):
        add_account(server, login, "real\\ecn-usd")
        with server.transaction():
            dealing.balance_operation(server, login=login, action=2, amount=Decimal(5000))
            robots.assign(server, login=login, habit=habit)
    engine = Engine(server)
    quiet = dict.fromkeys(range(1, 5), 0)
    seen: dict[int, tuple[int, ...]] = {}
    for _ in range(4 * 120):
        clock.ms += 250
        engine.step()
        for login in quiet:
            now = tuple(position.ticket for position in server.positions_of(login))
            quiet[login] = 0 if now != seen.get(login) else quiet[login] + 250
            seen[login] = now
            assert quiet[login] <= 20_000
    for login in quiet:
        account = server.book.accounts[login]
        assert (account.balance, account.credit) == balances_by_deals(server.db, login)


def test_a_hedger_works_across_two_accounts(tmp_path: Path) -> None:
    server, clock = make_server(tmp_path)
    for login in (1, 2):
        add_account(server, login, "real\\ecn-usd")
        with server.transaction():
            dealing.balance_operation(server, login=login, action=2, amount=Decimal(5000))
    with server.transaction():
        robots.assign(server, login=1, habit="hedger", partner=2, symbols=["EURUSD"])
    engine = Engine(server)
    for _ in range(4 * 20):
        clock.ms += 250
        engine.step()
        if len(server.book.positions) == 2:
            break
    sides = [(one.login, one.symbol, one.action) for one in server.book.positions.values()]
    assert sides == [(1, "EURUSD", 0), (2, "EURUSD", 1)]


def test_autotrade_seats_a_robot_once_there_is_money(tmp_path: Path) -> None:
    server, _ = make_server(tmp_path, autotrade=True, autotrade_limit=1)
    first, second = add_account(server, 1, "real\\std-usd"), add_account(server, 2, "real\\std-usd")
    with server.transaction():
        robots.engage_when_funded(server, first)
        assert server.book.robots == {}
        for account in (first, second):
            dealing.balance_operation(server, login=account.login, action=2, amount=Decimal(100))
            robots.engage_when_funded(server, account)
    assert list(server.book.robots) == [1]


def test_swaps_are_charged_at_server_midnight_threefold_on_wednesday(tmp_path: Path) -> None:
    server, clock = make_server(tmp_path, timezone_minutes=0)
    add_account(server, 1, "real\\ecn-usd")
    server.market.frozen = True
    server.market.fix("EURUSD", "1.10000", "1.10010", server.wall_ms())
    engine = Engine(server)
    engine.step()
    with server.transaction():
        dealing.balance_operation(server, login=1, action=2, amount=Decimal(10_000))
        dealing.market_order(server, login=1, symbol="EURUSD", action=0, volume=10_000, instruction=Instruction())
    position = next(iter(server.book.positions.values()))
    storages = []
    for _ in range(5):
        clock.ms += 86_400_000
        engine.step()
        storages.append(scaled_text(server.book.positions[position.ticket].storage, 2))
    # -7.1 points a night: Wednesday 3, Thursday 1, Friday 1, none at the weekend.
    assert storages == ["-21.30", "-28.40", "-35.50", "-35.50", "-35.50"]
    with server.transaction():
        deal = dealing.close_position(server, ticket=position.ticket, instruction=Instruction())
    assert deal.storage == -3550
    assert server.book.accounts[1].balance == balances_by_deals(server.db, 1)[0]


def test_the_day_end_remembers_balance_and_equity(tmp_path: Path) -> None:
    server, clock = make_server(tmp_path, timezone_minutes=0)
    account = add_account(server, 1, "real\\std-usd")
    with server.transaction():
        dealing.balance_operation(server, login=1, action=2, amount=Decimal(250))
        risk.roll_over(server, clock.ms, clock.ms + 86_400_000)
    assert (account.balance_prev_day, account.equity_prev_day) == (25_000, 25_000)
    assert (account.balance_prev_month, account.equity_prev_month) == (0, 0)
