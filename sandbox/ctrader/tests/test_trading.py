"""Trades through the control desk, and what the Manager's API tells of them, to the cent."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ctrader.tests.client import FOREVER, Declined, Got
from sandbox.ctrader.tests.conftest import Desk

DEALS, DEAL, BY_POSITION, POSITIONS, CLOSED, ORDERS = 431, 709, 459, 407, 720, 409
EURUSD = 1
DAY = 86_400


def opened(desk: Desk, *more: tuple[int, Any], group: int = 2, balance: int = 1_000_000) -> tuple[int, int]:
    """traderId and login of a new trader."""
    trader = desk.wire.open_trader(*more, group=group, balance=balance)
    return trader.one(1), trader.one(2)


def positions(desk: Desk, trader_id: int) -> list[Got]:
    """ProtoPosition of a trader, newest first."""
    return desk.wire.ask(POSITIONS, (2, trader_id), (3, 0), (4, FOREVER)).inners(3)


def test_an_opening_deal_shows_the_market_and_what_it_cost(desk: Desk) -> None:
    trader_id, login = opened(desk, group=1)
    desk.price("EURUSD", "1.10000", "1.10010")
    made = desk.trade(login, "EURUSD", "buy", "1.00", comment="hello")
    deal = desk.wire.ask(DEAL, (2, made["dealId"])).inner(2)
    assert deal.numbers(1, 3, 4, 5, 6, 7, 13, 14) == (
        made["dealId"], made["positionId"], trader_id, 10_000_000, 10_000_000, EURUSD, 1, 2
    )  # fmt: skip
    # The group's markup of 6 points is in the price, and apart: 6 points of a lot are 6 dollars.
    assert deal.numbers(11, 20, 26, 43) == (1.10016, 1.1001, 1.10016, 600)
    assert (deal.one(17), deal.one(42), deal.text(24), 32 in deal) == (0, 10_000_000, "hello", False)
    (held,) = positions(desk, trader_id)
    data = held.inner(3)
    assert held.numbers(1, 4, 5, 6, 13, 30) == (made["positionId"], 1, 0, 1.10016, 0, 2)
    assert data.numbers(1, 2, 3, 4, 16) == (EURUSD, 10_000_000, 1, trader_id, 10_000_000)
    assert held.one(23) == 110_005


def test_commission_is_taken_at_the_close_for_both_ends(desk: Desk) -> None:
    trader_id, login = opened(desk)
    desk.price("EURUSD", "1.10000", "1.10000")
    made = desk.trade(login, "EURUSD", "buy", "1.00")
    assert (made["commission"], positions(desk, trader_id)[0].one(13)) == (-350, -350)
    assert desk.wire.trader(trader_id).numbers(8, 30) == (1_000_000, 1)
    assert desk.admin("GET", f"/accounts/{login}")["equity"] == "9996.50"
    desk.price("EURUSD", "1.10250", "1.10250")
    half = desk.close(made["positionId"], lots="0.50")
    detail = half["closePositionDetail"]
    assert (half["commission"], detail["commission"], detail["profit"], detail["netProfit"]) == (
        -175,
        -350,
        12_500,
        12_150,
    )
    assert positions(desk, trader_id)[0].one(13) == -175
    assert desk.wire.trader(trader_id).numbers(8, 30) == (1_012_150, 2)
    rest = desk.close(made["positionId"])["closePositionDetail"]
    assert (rest["balance"], rest["balanceVersion"], rest["closedVolume"]) == (1_024_300, 3, 5_000_000)
    assert rest["offsetDealTimestamp"] == made["executionTimestamp"]
    assert positions(desk, trader_id) == []


def test_a_loss_in_another_currency_is_exact(desk: Desk) -> None:
    assets = {one.text(2): one.one(1) for one in desk.wire.ask(465).inners(2)}
    trader = desk.wire.open_trader(group=2, asset=assets["EUR"], balance=1_000_000)
    desk.price("EURUSD", "1.25000", "1.25000")
    desk.price("USDJPY", "150.000", "150.000")
    desk.price("EURJPY", "188.250", "188.250")
    made = desk.trade(trader.one(2), "USDJPY", "sell", "0.10")
    desk.price("USDJPY", "150.600", "150.600")
    detail = desk.close(made["positionId"])["closePositionDetail"]
    # 10,000 x 0.600 = 6,000 yen = 31.87 euro; commission 0.35 at each end.
    assert (detail["profit"], detail["commission"], detail["balance"]) == (-3187, -70, 1_000_000 - 3187 - 70)


def test_hedged_accounts_hold_both_sides_and_netted_ones_turn(desk: Desk) -> None:
    hedged, netted = opened(desk), opened(desk, (9, 1))
    desk.price("EURUSD", "1.10000", "1.10000")
    for _, login in (hedged, netted):
        desk.trade(login, "EURUSD", "buy", "1.00")
    desk.price("EURUSD", "1.10100", "1.10100")
    for _, login in (hedged, netted):
        last = desk.trade(login, "EURUSD", "sell", "1.50")
    assert [one.inner(3).numbers(2, 3) for one in positions(desk, hedged[0])] == [(15_000_000, 2), (10_000_000, 1)]
    (turned,) = positions(desk, netted[0])
    assert (turned.inner(3).numbers(2, 3), turned.one(13)) == ((5_000_000, 2), -175)
    detail = last["closePositionDetail"]
    assert (last["filledVolume"], detail["closedVolume"], last["commission"]) == (15_000_000, 10_000_000, -525)
    assert (detail["profit"], detail["commission"], detail["netProfit"]) == (10_000, -700, 9_300)
    assert desk.wire.trader(netted[0]).one(8) == 1_009_300


def test_swaps_wait_on_the_position_and_spare_the_swap_free(desk: Desk) -> None:
    (charged, first), (spared, second) = opened(desk), opened(desk, (64, 1))
    desk.price("EURUSD", "1.10000", "1.10000")
    held = [desk.trade(login, "EURUSD", "buy", "1.00") for login in (first, second)]
    desk.sandbox.admin("POST", "/clock", {"advance_seconds": 7 * DAY})
    told = desk.wire.execution(9)
    position = told.inner(4)
    assert (position.one(1), told.one(11)) == (held[0]["positionId"], 1)
    # Seven nights, Wednesday's threefold and none at the weekend, at -7.1 points a lot: 49.70 dollars.
    sums = [desk.close(one["positionId"])["closePositionDetail"] for one in held]
    assert [one["swap"] for one in sums] == [-4970, 0]
    assert [one["netProfit"] for one in sums] == [-4970 - 700, -700]
    assert [desk.wire.trader(one).one(8) for one in (charged, spared)] == [994_330, 999_300]


def test_a_stop_out_closes_and_protects_from_debt(desk: Desk) -> None:
    trader_id, login = opened(desk, (66, 50_000), group=1, balance=100_000)
    desk.price("EURUSD", "1.10000", "1.10000")
    desk.trade(login, "EURUSD", "buy", "3.00")
    desk.price("EURUSD", "1.09000", "1.09000")
    told = desk.wire.execution(3)
    while told.inner(8).get(32) is None:
        told = desk.wire.execution(3)
    assert (told.one(11), told.inner(5).one(45), told.inner(4).one(4)) == (1, 1, 2)
    protection = desk.wire.execution(10).inner(7)
    while protection.one(1) != 39:
        protection = desk.wire.execution(10).inner(7)
    assert (protection.one(4), desk.wire.trader(trader_id).one(8)) == (0, 0)
    closing = told.inner(8).inner(32)
    assert protection.one(5) == -closing.one(8)


def test_stops_and_pending_orders_are_filled_by_the_market(desk: Desk) -> None:
    trader_id, login = opened(desk)
    desk.price("EURUSD", "1.10000", "1.10010")
    desk.admin(
        "POST",
        "/orders",
        {"login": login, "symbol": "EURUSD", "type": "buy_limit", "price": "1.09500", "lots": "0.10", "tp": "1.10000"},
    )
    (waiting,) = desk.wire.ask(ORDERS, (2, trader_id), (3, 0), (4, FOREVER)).inners(3)
    assert waiting.numbers(3, 4, 12, 21) == (2, 1, 1.1, 1.095)
    desk.price("EURUSD", "1.09480", "1.09490")
    (held,) = positions(desk, trader_id)
    assert held.numbers(6, 8) == (1.0949, 1.1)
    desk.price("EURUSD", "1.10020", "1.10030")
    assert positions(desk, trader_id) == []
    assert desk.wire.ask(ORDERS, (2, trader_id), (3, 0), (4, FOREVER)).get(3) is None
    assert [one.one(13) for one in desk.wire.deals((2, trader_id))] == [2, 1]


def test_deals_are_listed_by_trader_group_and_kind_in_chunks(desk: Desk) -> None:
    (first, one), (second, two) = opened(desk), opened(desk, group=3)
    made = []
    for login in (one, two, one):
        made.append(desk.trade(login, "EURUSD", "buy", "0.01"))
        made.append(desk.close(made[-1]["positionId"]))
    numbers = [deal["dealId"] for deal in made][::-1]
    assert [deal.one(1) for deal in desk.wire.deals()] == numbers
    assert [deal.one(1) for deal in desk.wire.deals((2, second))] == numbers[2:4]
    assert [deal.one(1) for deal in desk.wire.deals((2, first), (2, second))] == numbers
    assert [deal.one(1) for deal in desk.wire.deals((9, 3))] == numbers[2:4]
    assert [deal.one(1) for deal in desk.wire.deals((6, 1))] == numbers[::2]
    page = desk.wire.ask(DEALS, (3, 0), (4, FOREVER), (5, 4))
    assert ([deal.one(1) for deal in page.inners(2)], page.one(3)) == (numbers[:4], 1)
    assert desk.wire.ask(DEALS, (3, 0), (4, FOREVER), (5, 6)).one(3) == 0
    desk.admin("PATCH", "", {"newest_first": False, "chunk": 5})
    page = desk.wire.ask(DEALS, (3, 0), (4, FOREVER), (5, 100))
    assert ([deal.one(1) for deal in page.inners(2)], page.one(3)) == (numbers[::-1][:5], 1)
    at = made[0]["createTimestamp"]
    assert made[0]["dealId"] in [deal.one(1) for deal in desk.wire.ask(DEALS, (3, at), (4, at)).inners(2)]
    for parts in ([(3, 5), (4, 4)], [(3, 0), (4, 4), (5, 0)], [(2, 1), (3, 0), (4, 4)], [(3, 0), (4, 4), (9, 99)]):
        with pytest.raises(Declined):
            desk.wire.ask(DEALS, *parts)


def test_one_deal_and_the_deals_of_a_position(desk: Desk) -> None:
    _, login = opened(desk)
    made = desk.trade(login, "EURUSD", "buy", "0.02")
    desk.close(made["positionId"], lots="0.01")
    desk.close(made["positionId"])
    found = desk.wire.ask(BY_POSITION, (2, made["positionId"]), (3, 0), (4, FOREVER)).inners(2)
    assert [(deal.one(5), 32 in deal) for deal in found] == [(100_000, True), (100_000, True), (200_000, False)]
    with pytest.raises(Declined, match="DEAL_NOT_FOUND"):
        desk.wire.ask(DEAL, (2, 1))


def test_closed_positions_tell_their_whole_life(desk: Desk) -> None:
    trader_id, login = opened(desk)
    desk.price("EURUSD", "1.10000", "1.10000")
    made = desk.trade(login, "EURUSD", "sell", "0.20")
    desk.close(made["positionId"], lots="0.10")
    assert desk.wire.ask(CLOSED, (2, 0), (3, FOREVER), (4, trader_id)).get(2) is None
    last = desk.close(made["positionId"])
    (closed,) = desk.wire.ask(CLOSED, (2, 0), (3, FOREVER), (4, trader_id)).inners(2)
    data = closed.inner(3)
    assert closed.numbers(1, 4, 5, 6, 13) == (made["positionId"], 2, 0, 1.1, -140)
    assert data.numbers(2, 3, 7, 8) == (2_000_000, 2, made["executionTimestamp"], last["executionTimestamp"])


@pytest.mark.parametrize(
    ("access", "may_open", "may_close"), [(0, True, True), (1, False, True), (2, False, False), (3, False, False)]
)
def test_access_rights_bind_trading(desk: Desk, access: int, may_open: bool, may_close: bool) -> None:
    trader_id, login = opened(desk)
    held = desk.trade(login, "EURUSD", "buy", "0.01")["positionId"]
    ids = [(1, trader_id), (2, login), (3, 2), (8, 0)]
    desk.wire.ask(501, (2, 5), (3, [*ids, (59, access)]))
    for body, allowed in (
        ({"login": login, "symbol": "EURUSD", "side": "buy", "lots": "0.01"}, may_open),
        ({"position": held}, may_close),
    ):
        status, answer = desk.sandbox.ask("POST", f"/servers/{desk.name}/orders", body)
        assert (status, answer.get("code")) == ((200, None) if allowed else (409, "TRADING_DISABLED"))


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"lots": "0.005"}, "TRADING_BAD_VOLUME"),
        ({"lots": "90"}, "NOT_ENOUGH_MONEY"),
        ({"sl": "9"}, "TRADING_BAD_STOPS"),
        ({"symbol": "USDKZT"}, "TRADING_DISABLED"),
        ({"login": 5}, "TRADER_NOT_FOUND"),
        ({"position": 5}, "POSITION_NOT_FOUND"),
    ],
)
def test_a_declined_order_leaves_nothing(desk: Desk, order: dict[str, Any], code: str) -> None:
    trader_id, login = opened(desk)
    body = {"login": login, "symbol": "EURUSD", "side": "buy", "lots": "0.01", **order}
    assert desk.refuse("POST", "/orders", body) == (409, code)
    assert (desk.wire.deals(), positions(desk, trader_id)) == ([], [])


def test_lot_sizes_may_count_units(desk: Desk) -> None:
    desk.admin("PATCH", "", {"lot_size_scale": 1})
    _, login = opened(desk)
    deal = desk.trade(login, "EURUSD", "buy", "1.00")
    assert (deal["lotSize"], deal["volume"]) == (100_000, 10_000_000)
    assert {one.text(2): one.one(32) for one in desk.wire.ask(467).inners(2)}["EURUSD"] == 100_000
