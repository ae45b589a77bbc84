"""What managers are told without asking."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.ctrader.tests.client import Declined, Wire
from sandbox.ctrader.tests.conftest import Desk

EXECUTION, CHANGED, SPOT, TIME = 300, 503, 3, 313
ACCEPTED, FILLED, CANCELLED, MONEY, BONUS = 2, 3, 5, 10, 12


def told(wire: Wire) -> list[tuple[int, int]]:
    """Payload and execution type (or operation) of everything a connection has been told so far."""
    wire.ask(TIME)
    heard, wire.events = wire.events, []
    return [
        (kind, one.one(2) if kind == EXECUTION else one.one(3)) for kind, one in heard if kind in (EXECUTION, CHANGED)
    ]


def test_every_manager_hears_of_its_own_groups(desk: Desk) -> None:
    desk.admin("PATCH", "", {"managers": [{"login": 2000, "password": "raw", "groups": ["raw"]}]})
    second, stranger = desk.connect().log_in(), desk.connect().log_in(2000, "raw")
    quiet = desk.connect()
    trader = desk.wire.open_trader(group=1, balance=50_000)
    deal = desk.trade(trader.one(2), "EURUSD", "buy", "0.01")
    desk.close(deal["positionId"])
    expected = [(CHANGED, 1), (EXECUTION, MONEY), *[(EXECUTION, ACCEPTED), (EXECUTION, FILLED)] * 2]
    assert told(desk.wire) == expected
    assert told(second) == expected
    assert told(stranger) == []
    assert told(quiet.log_in()) == []


def test_a_manager_that_left_is_forgotten(desk: Desk) -> None:
    desk.connect().log_in().close()
    while desk.admin("GET", "")["connections"] > 1:
        desk.wire.ask(TIME)
    desk.wire.open_trader(balance=1)
    assert told(desk.wire) == [(CHANGED, 1), (EXECUTION, MONEY)]


def test_a_filled_order_tells_deal_position_and_order(desk: Desk) -> None:
    trader = desk.wire.open_trader(group=2, balance=100_000)
    made = desk.trade(trader.one(2), "EURUSD", "sell", "0.10", comment="note")
    accepted, filled = desk.wire.execution(ACCEPTED), desk.wire.execution(FILLED)
    assert accepted.inner(5).numbers(1, 3, 4) == (made["orderId"], 1, 1)
    assert 8 not in accepted
    order, deal, position = filled.inner(5), filled.inner(8), filled.inner(4)
    assert order.numbers(1, 4, 10, 20, 42) == (made["orderId"], 2, 1_000_000, 0, trader.one(2))
    assert deal.numbers(1, 2, 3, 13, 17) == (made["dealId"], made["orderId"], made["positionId"], 2, -35)
    assert position.numbers(1, 4, 13) == (made["positionId"], 1, -35)
    half = desk.close(made["positionId"], lots="0.05")
    left = desk.wire.execution(FILLED)
    assert left.inner(8).inner(32).one(8) == half["closePositionDetail"]["balance"]
    assert (left.inner(4).one(4), left.inner(4).inner(3).one(2)) == (1, 500_000)
    desk.close(made["positionId"])
    gone = desk.wire.execution(FILLED)
    assert (gone.inner(4).one(4), gone.inner(4).inner(3).one(2), gone.inner(5).one(20)) == (2, 0, 1)


def test_money_tells_what_it_was_before_the_answer(desk: Desk) -> None:
    trader = desk.wire.open_trader().one(1)
    desk.wire.events.clear()
    number = desk.wire.deposit(trader, 500, (9, "op-5"))
    ((kind, event),) = desk.wire.events
    row = event.inner(7)
    assert (kind, event.one(2), event.one(12)) == (EXECUTION, MONEY, 1.0)
    assert (row.numbers(1, 2, 3, 4, 5, 9), row.text(15)) == ((0, number, trader, 500, 500, 1), "op-5")
    desk.wire.ask(780, (2, trader), (3, 30), (5, 0), (7, 1))
    assert desk.wire.execution(BONUS).inner(10).numbers(1, 3, 4, 5) == (0, trader, 30, 30)


def test_a_pending_order_is_told_when_it_comes_and_goes(desk: Desk) -> None:
    login = desk.wire.open_trader(balance=100_000).one(2)
    body = {"login": login, "symbol": "EURUSD", "type": "buy_limit", "price": "0.50000", "lots": "0.10"}
    placed = desk.admin("POST", "/orders", body)["order"]
    assert desk.wire.execution(ACCEPTED).inner(5).numbers(1, 3, 4, 21) == (placed["orderId"], 2, 1, 0.5)
    desk.admin("DELETE", f"/orders/{placed['orderId']}")
    assert desk.wire.execution(CANCELLED).inner(5).numbers(1, 4) == (placed["orderId"], 5)


def test_event_ids_and_balance_versions_only_grow(desk: Desk) -> None:
    trader = desk.wire.open_trader(group=2, balance=1_000_000)
    desk.fault("burst", login=trader.one(2), count=40)
    desk.wire.deposit(trader.one(1), 5)
    desk.wire.ask(TIME)
    events = [event for kind, event in desk.wire.events if kind == EXECUTION]
    numbers = [event.one(9) for event in events]
    assert numbers == sorted(set(numbers))
    versions = []
    for event in events:
        if 7 in event:
            versions.append(event.inner(7).numbers(9, 4))
        elif 8 in event and 32 in event.inner(8):
            versions.append(event.inner(8).inner(32).numbers(18, 8))
    assert [version for version, _ in versions] == list(range(1, len(versions) + 1))
    assert versions[-1] == desk.wire.trader(trader.one(1)).numbers(30, 8)
    assert len(versions) == 22


def test_what_was_declined_is_not_told(desk: Desk) -> None:
    first, second = desk.wire.open_trader(balance=100).one(1), desk.wire.open_trader().one(1)
    told(desk.wire)
    with pytest.raises(Declined):
        desk.wire.deposit(first, 101, kind=1)
    # The withdrawal of a transfer is undone when the deposit fails.
    with pytest.raises(Declined, match="BAD_AMOUNT"):
        desk.wire.ask(355, (2, first), (3, second), (4, 50), (5, 0.001), (6, 1))
    assert told(desk.wire) == []
    assert desk.wire.trader(first).numbers(8, 30) == (100, 1)


def test_changes_of_a_trader_are_told(desk: Desk) -> None:
    trader = desk.wire.open_trader(balance=77)
    ids = [(1, trader.one(1)), (2, trader.one(2)), (3, 1), (8, 0)]
    desk.wire.ask(501, (2, 5), (3, [*ids, (66, 20_000)]))
    desk.wire.event(CHANGED)
    changed = desk.wire.event(CHANGED)
    assert (changed.one(3), changed.inner(2).numbers(1, 8, 66, 74)) == (3, (trader.one(1), 77, 20_000, 2))
    desk.web.call("PATCH", f"/v2/webserv/traders/{trader.one(2)}", {"accessRights": "NO_LOGIN"})
    assert desk.wire.event(CHANGED).inner(2).one(59) == 3
    desk.wire.ask(501, (2, 4), (3, ids))
    deleted = desk.wire.event(CHANGED)
    assert (deleted.one(3), deleted.inner(2).one(29)) == (4, 1)


def test_spots_are_told_to_who_subscribed(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10010")
    desk.price("USDJPY", "150.001", "150.011")
    symbols = {one.text(2): one.one(1) for one in desk.wire.ask(467).inners(2)}
    desk.wire.ask(601, (3, symbols["EURUSD"]), (3, symbols["USDJPY"]), (5, 1))
    first = {spot.one(2): spot.numbers(3, 4) for spot in (desk.wire.event(SPOT), desk.wire.event(SPOT))}
    assert first == {symbols["EURUSD"]: (110_000, 110_010), symbols["USDJPY"]: (15_000_100, 15_001_100)}
    desk.price("EURUSD", "1.20000", "1.20010")
    moved = desk.wire.event(SPOT)
    assert (moved.numbers(2, 3, 4), Decimal(moved.one(9)) > 0) == ((symbols["EURUSD"], 120_000, 120_010), True)
    desk.wire.ask(608, (3, symbols["EURUSD"]))
    desk.price("EURUSD", "1.30000", "1.30010")
    desk.price("USDJPY", "160.000", "160.010")
    assert desk.wire.event(SPOT).one(2) == symbols["USDJPY"]
    with pytest.raises(Declined, match="SYMBOL_NOT_FOUND"):
        desk.wire.ask(601, (3, 999))
