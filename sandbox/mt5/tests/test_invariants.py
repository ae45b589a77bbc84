"""Properties of money under any sequence of operations."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.exchange.money import parse_decimal, scaled_text, to_scaled
from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import dealing, risk
from sandbox.mt5.commands.users import balances_by_deals
from sandbox.mt5.dealing import Instruction
from sandbox.mt5.server import TradingServer
from sandbox.mt5.tests.inside import HandClock, add_account, make_registry, make_server

GROUPS = ["real\\std-usd", "real\\ecn-eur", "real\\pro-usd", "real\\pro-kwd", "real\\ecn-kzt"]
SYMBOLS = ["EURUSD", "USDJPY", "XAUUSD", "US500"]
LOGINS = range(1, len(GROUPS) + 1)

money = st.decimals(min_value=-3000, max_value=9000, places=3, allow_nan=False)
operations = st.one_of(
    st.tuples(st.just("money"), st.sampled_from(LOGINS), st.sampled_from([2, 3, 4, 5, 6]), money),
    st.tuples(
        st.just("trade"),
        st.sampled_from(LOGINS),
        st.sampled_from(SYMBOLS),
        st.integers(0, 1),
        st.integers(1, 90),
    ),
    st.tuples(st.just("close"), st.integers(0, 50), st.integers(1, 100)),
    st.tuples(st.just("move"), st.sampled_from(SYMBOLS), st.integers(-400, 400)),
    st.tuples(st.just("wait"), st.integers(1, 200_000)),
)


def perform(server: TradingServer, clock: HandClock, operation: tuple[Any, ...]) -> None:
    """Do one operation the way the server does it."""
    kind, *rest = operation
    if kind == "money":
        login, action, amount = rest
        dealing.balance_operation(server, login=login, action=action, amount=amount, comment="any")
    elif kind == "trade":
        login, symbol, action, steps = rest
        dealing.market_order(
            server, login=login, symbol=symbol, action=action, volume=steps * 100, instruction=Instruction()
        )
    elif kind == "close":
        tickets = list(server.book.positions)
        if tickets:
            position = server.book.positions[tickets[rest[0] % len(tickets)]]
            volume = max(100, position.volume * rest[1] // 100 // 100 * 100)
            dealing.close_position(server, ticket=position.ticket, volume=volume, instruction=Instruction())
    elif kind == "move":
        symbol, permille = rest
        quote, digits = server.market.quotes[symbol], server.market.symbols[symbol].digits
        bid = max(1, quote.bid + quote.bid * permille // 10_000)
        server.market.fix(symbol, scaled_text(bid, digits), scaled_text(bid + 3, digits), server.wall_ms())
        risk.check_stops(server, [symbol])
        risk.check_margins(server)
    else:
        before = server.wall_ms()
        clock.ms += rest[0] * 1000
        risk.roll_over(server, before, server.wall_ms())


@contextlib.contextmanager
def fresh_server() -> Iterator[tuple[TradingServer, HandClock, Path]]:
    """A server with an account in each group."""
    with tempfile.TemporaryDirectory() as folder:
        server, clock = make_server(Path(folder))
        server.db.execute("PRAGMA synchronous = OFF")
        for login, group in zip(LOGINS, GROUPS, strict=True):
            add_account(server, login, group)
        yield server, clock, Path(folder)
        server.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(operations, max_size=40))
def test_balance_is_the_sum_of_deals_whatever_happens(steps: list[tuple[Any, ...]]) -> None:
    with fresh_server() as (server, clock, folder):
        for step in steps:
            with contextlib.suppress(Refused), server.transaction():
                perform(server, clock, step)
        for login in LOGINS:
            account = server.book.accounts[login]
            assert (account.balance, account.credit) == balances_by_deals(server.db, login)
            assert account.credit >= 0
            hedging = server.group_of(account).hedging
            symbols = [position.symbol for position in server.positions_of(login)]
            assert hedging or len(set(symbols)) == len(symbols)
            state = server.state(account)
            assert state.equity == account.balance + account.credit + state.profit + state.storage
            assert state.free == state.equity - state.margin
        book = asdict(server.book)
        server.close()
        registry, _ = make_registry(folder)
        assert asdict(registry.servers["inside"].book) == book
        registry.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(operations, max_size=15), operations)
def test_a_refused_or_broken_operation_changes_nothing(steps: list[tuple[Any, ...]], last: tuple[Any, ...]) -> None:
    with fresh_server() as (server, clock, _):
        for step in steps:
            with contextlib.suppress(Refused), server.transaction():
                perform(server, clock, step)
        before = asdict(server.book)
        rows = list(server.db.execute("SELECT * FROM deals"))
        with contextlib.suppress(Refused, ZeroDivisionError), server.transaction():
            perform(server, clock, last)
            raise ZeroDivisionError
        assert asdict(server.book) == before
        assert list(server.db.execute("SELECT * FROM deals")) == rows


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6, allow_nan=False), st.integers(0, 5))
def test_scaling_rounds_half_away_from_zero_and_reads_back(value: Decimal, digits: int) -> None:
    scaled = to_scaled(value, digits)
    shown = parse_decimal(scaled_text(scaled, digits))
    assert shown is not None
    assert abs(shown - value) * 2 <= Decimal(1).scaleb(-digits)
    assert to_scaled(-value, digits) == -scaled
    assert to_scaled(shown, digits) == scaled
