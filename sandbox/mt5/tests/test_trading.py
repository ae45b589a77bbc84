"""Trades at fixed prices with exact results, and reading them back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.mt5.tests.conftest import Desk

EVER: dict[str, Any] = {"from": 0, "to": 1 << 33}


def test_a_round_trip_to_the_cent(desk: Desk) -> None:
    desk.price("EURUSD", "1.08350", "1.08362")
    login = desk.wire.open_account("real\\ecn-usd", deposit="10000")
    opened = desk.trade(login, "EURUSD", "buy", "1.50", comment="mine")
    assert (opened["Price"], opened["Volume"], opened["VolumeExt"]) == ("1.08362", "15000", "150000000")
    assert (opened["Entry"], opened["Action"], opened["Reason"]) == ("0", "0", "0")
    assert (opened["Profit"], opened["Commission"], opened["Fee"]) == ("0.00", "-5.25", "-0.38")
    assert (opened["MarketBid"], opened["MarketAsk"]) == ("1.08350", "1.08362")
    desk.price("EURUSD", "1.08450", "1.08460")
    held = desk.wire.done("/api/position/get", login=login, symbol="EURUSD")
    assert (held["Position"], held["PriceCurrent"], held["Profit"]) == (
        opened["PositionID"],
        "1.08450",
        "132.00",
    )
    closed = desk.close(opened["PositionID"])
    assert (closed["Entry"], closed["Action"], closed["PricePosition"]) == ("1", "1", "1.08362")
    assert (closed["Profit"], closed["VolumeClosed"], closed["PositionID"]) == (
        "132.00", "15000", opened["PositionID"],
    )  # fmt: skip
    assert desk.wire.balance(login) == "10120.74"
    assert desk.wire.done("/api/position/get_total", login=login) == {"Total": "0"}
    orders = desk.wire.done("/api/history/get_batch", login=login, **EVER)
    assert [(one["State"], one["PositionID"]) for one in orders] == [("4", opened["PositionID"])] * 2
    assert desk.wire.done("/api/history/get", ticket=opened["Order"])["Comment"] == "mine"


def test_the_profit_is_converted_at_the_rate_on_the_deal(desk: Desk) -> None:
    desk.price("USDJPY", "150.000", "150.000")
    login = desk.wire.open_account("real\\std-eur", deposit="5000")
    opened = desk.trade(login, "USDJPY", "sell", "0.20")
    desk.price("USDJPY", "148.990", "149.000")
    desk.price("EURJPY", "163.890", "163.900")
    closed = desk.close(opened["PositionID"])
    # 20 000 yen at 163.895 yen a euro.
    assert closed["ProfitRaw"].rstrip("0") == "20000."
    assert closed["RateProfit"] == "0.00610147"
    assert closed["Profit"] == "122.03"


def test_partial_close_and_hedging(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10010")
    login = desk.wire.open_account("real\\ecn-usd", deposit="10000")
    long = desk.trade(login, "EURUSD", "buy", "0.50")
    short = desk.trade(login, "EURUSD", "sell", "0.20")
    assert long["PositionID"] != short["PositionID"]
    # Only the larger side needs margin: 0.50 lot at 1.10005, the middle.
    assert desk.wire.done("/api/user/account/get", login=login)["Margin"] == "550.03"
    desk.close(long["PositionID"], lots="0.30")
    held = desk.wire.done("/api/position/get_batch", login=login)
    assert [(one["Action"], one["Volume"]) for one in held] == [("0", "2000"), ("1", "2000")]
    pair = desk.admin("POST", "/orders", {"position": long["PositionID"], "by": short["PositionID"]})["deals"]
    assert [(one["Entry"], one["Profit"]) for one in pair] == [("3", "-2.00"), ("3", "0.00")]
    assert desk.wire.done("/api/position/get_batch", login=login) == []


def test_netting_adds_reduces_and_turns_one_position(desk: Desk) -> None:
    desk.price("AUDUSD", "0.65000", "0.65000")
    login = desk.wire.open_account("real\\pro-usd", deposit="10000")
    first = desk.trade(login, "AUDUSD", "sell", "0.10")
    desk.price("AUDUSD", "0.65100", "0.65100")
    assert desk.trade(login, "AUDUSD", "sell", "0.10")["PositionID"] == first["PositionID"]
    held = desk.wire.done("/api/position/get", login=login, symbol="AUDUSD")
    assert (held["Volume"], held["PriceOpen"]) == ("2000", "0.65050")
    desk.price("AUDUSD", "0.64948", "0.64948")
    turned = desk.trade(login, "AUDUSD", "buy", "0.50")
    assert (turned["Entry"], turned["Price"], turned["Volume"]) == ("2", "0.64950", "5000")
    assert (turned["VolumeClosed"], turned["Profit"], turned["PricePosition"]) == ("2000", "20.00", "0.65050")
    held = desk.wire.done("/api/position/get", login=login, symbol="AUDUSD")
    assert (held["Action"], held["Volume"], held["PriceOpen"]) == ("0", "3000", "0.64950")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lots": "0.001"}, 10014),
        ({"lots": "0"}, 10014),
        ({"lots": "101"}, 10014),
        ({"lots": "90"}, 10019),
        ({"symbol": "USDAED"}, 10017),
        ({"symbol": "NOSUCH"}, 13),
        ({"sl": "1.2"}, 10016),
        ({"tp": "1.0"}, 10016),
        ({"login": 7}, 13),
    ],
)
def test_impossible_trades_are_refused_and_leave_nothing(desk: Desk, change: dict[str, Any], code: int) -> None:
    desk.price("EURUSD", "1.10000", "1.10010")
    login = desk.wire.open_account(deposit="1000")
    order = {"login": login, "symbol": "EURUSD", "side": "buy", "lots": "0.10", **change}
    assert desk.refuse("POST", "/orders", order) == (409, code)
    assert len(desk.wire.deals(login)) == 1
    assert desk.wire.done("/api/position/get_total", login=login) == {"Total": "0"}


@pytest.mark.parametrize("rights", [483 - 1, 483 + 4])
def test_rights_switch_trading_off(desk: Desk, rights: int) -> None:
    login = desk.wire.open_account(deposit="1000")
    desk.wire.done("/api/user/update", {"Rights": str(rights)}, login=login)
    order = {"login": login, "symbol": "EURUSD", "side": "buy", "lots": "0.10"}
    assert desk.refuse("POST", "/orders", order) == (409, 10017)


@pytest.mark.parametrize(
    ("bid", "reason", "comment"), [("1.09000", "3", "[sl 1.09500]"), ("1.11500", "4", "[tp 1.11000]")]
)
def test_stop_loss_and_take_profit(desk: Desk, bid: str, reason: str, comment: str) -> None:
    desk.price("EURUSD", "1.10000", "1.10010")
    login = desk.wire.open_account(deposit="1000")
    desk.trade(login, "EURUSD", "buy", "0.10", sl="1.09500", tp="1.11000")
    desk.price("EURUSD", bid, bid)
    last = desk.wire.deals(login)[-1]
    assert (last["Reason"], last["Comment"], last["Price"], last["Entry"]) == (reason, comment, bid, "1")


def test_a_pending_order_is_filled_when_the_market_comes(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10010")
    login = desk.wire.open_account(deposit="1000")
    order = {"login": login, "symbol": "EURUSD", "type": "buy_limit", "price": "1.09900", "lots": "0.10"}
    ticket = desk.admin("POST", "/orders", order)["order"]["Order"]
    assert desk.wire.done("/api/order/get", ticket=ticket)["State"] == "1"
    assert desk.wire.done("/api/order/get_total", login=login) == {"Total": "1"}
    desk.price("EURUSD", "1.09880", "1.09890")
    assert desk.wire.code("/api/order/get", ticket=ticket) == 13
    assert desk.wire.done("/api/history/get", ticket=ticket)["State"] == "4"
    assert desk.wire.done("/api/position/get", login=login, symbol="EURUSD")["PriceOpen"] == "1.09896"


def test_stop_out_closes_the_worst_and_protects_from_a_negative_balance(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10000")
    login = desk.wire.open_account("real\\ecn-usd", deposit="1000", leverage=500)
    desk.trade(login, "EURUSD", "buy", "2.00")
    desk.trade(login, "EURUSD", "buy", "0.10")
    desk.price("EURUSD", "1.09000", "1.09000")
    deals = desk.wire.deals(login)
    closing = [deal for deal in deals if deal["Entry"] == "1"]
    assert [(deal["Volume"], deal["Reason"]) for deal in closing] == [("20000", "5"), ("1000", "5")]
    assert closing[0]["Comment"].startswith("[so -")
    assert (deals[-1]["Action"], desk.wire.balance(login)) == ("19", "0.00")
    assert deals[-1]["Profit"] == "1115.76"
    assert desk.wire.done("/api/user/account/get", login=login)["SOActivation"] == "2"


def test_a_margin_call_comes_before_the_stop_out(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10000")
    login = desk.wire.open_account("real\\ecn-usd", deposit="1200")
    desk.trade(login, "EURUSD", "buy", "1.00")
    desk.price("EURUSD", "1.09800", "1.09800")
    state = desk.wire.done("/api/user/account/get", login=login)
    assert (state["SOActivation"], state["Equity"], state["MarginLevel"]) == ("1", "996.25", "90.57")
    kinds = [one["kind"] for one in desk.admin("GET", "/events?timeout=0")["events"]]
    assert kinds.count("margin_call") == 1


def test_pages_hold_a_hundred_rows_at_most(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="1000")
    desk.admin("POST", "/faults", {"kind": "burst", "login": login, "count": 249})
    assert desk.wire.done("/api/deal/get_total", login=login, **EVER) == {"Total": "250"}
    pages = [
        desk.wire.done("/api/deal/get_page", login=login, offset=offset, total=1000, **EVER)
        for offset in (0, 100, 200, 300)
    ]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    tickets = [int(deal["Deal"]) for page in pages for deal in page]
    assert tickets == sorted(set(tickets))
    assert len(desk.wire.deals(login)) == 250
    assert desk.wire.code("/api/deal/get_page", login=login, offset=-1, total=10, **EVER) == 3


def test_the_window_is_whole_seconds_with_both_ends(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="1000")
    moment = int(desk.wire.deals(login)[0]["Time"])
    for start, end, total in ((moment, moment, "1"), (moment + 1, moment + 9, "0"), (0, moment - 1, "0")):
        found = desk.wire.done("/api/deal/get_total", login=login, **dict[str, Any]({"from": start, "to": end}))
        assert found == {"Total": total}


def test_deal_batches_take_exactly_one_selector_and_a_window(desk: Desk) -> None:
    first, second = desk.wire.open_account(deposit="1"), desk.wire.open_account("demo\\std-usd", deposit="2")
    desk.wire.done("/api/trade/balance", login=first, type=2, balance=3, comment="")
    batch = "/api/deal/get_batch"

    def amounts(**query: Any) -> list[str]:
        return [deal["Profit"] for deal in desk.wire.done(batch, **query)]

    assert amounts(login=f"{first},{second}", **EVER) == ["1.00", "2.00", "3.00"]
    assert amounts(group="demo*", **EVER) == ["2.00"]
    assert amounts(group="*,!demo*", **EVER) == ["1.00", "3.00"]
    ticket = desk.wire.deals(second)[0]["Deal"]
    assert amounts(ticket=ticket) == ["2.00"]
    assert amounts(group="*", symbol="EURUSD", **EVER) == []
    assert desk.wire.code(batch, group="*") == 3
    assert desk.wire.code(batch, login=first, group="*", **EVER) == 3
    assert desk.wire.code(batch, **EVER) == 3


@pytest.mark.parametrize(
    ("zone", "daylight", "state", "minutes"),
    [(0, 0, 0, 0), (180, 0, 0, 180), (120, 1, 1, 180), (-300, 1, 0, -300)],
)
def test_times_are_the_servers_wall_clock(
    new_desk: Callable[..., Desk], zone: int, daylight: int, state: int, minutes: int
) -> None:
    desk = new_desk(timezone_minutes=zone, daylight=daylight, daylight_state=state)
    settings = desk.wire.done("/api/time/get")
    assert (settings["TimeZone"], settings["Daylight"], settings["DaylightState"]) == (
        str(zone), str(daylight), str(state),
    )  # fmt: skip
    login = desk.wire.open_account()
    before = desk.sandbox.admin("GET", "/clock")["utc_ms"]
    desk.wire.done("/api/trade/balance", login=login, type=2, balance=1, comment="")
    after = desk.sandbox.admin("GET", "/clock")["utc_ms"]
    deal = desk.wire.deals(login)[0]
    assert before <= int(deal["TimeMsc"]) - minutes * 60_000 <= after
    assert int(deal["Time"]) == int(deal["TimeMsc"]) // 1000
    event = desk.admin("GET", "/events?timeout=0")["events"][-1]
    assert event["time_utc_ms"] == int(deal["TimeMsc"]) - minutes * 60_000


def test_only_newer_ticks_are_given_for_a_tick_number(desk: Desk) -> None:
    first = desk.wire.call("/api/tick/last", symbol="EURUSD,GBPUSD", trans_id=0)
    assert [one["Symbol"] for one in first["answer"]] == ["EURUSD", "GBPUSD"]
    desk.price("GBPUSD", "1.25000", "1.25010")
    fresh = desk.wire.call("/api/tick/last", symbol="EURUSD,GBPUSD", trans_id=first["trans_id"])
    assert [(one["Symbol"], one["Bid"], one["Ask"]) for one in fresh["answer"]] == [("GBPUSD", "1.25000", "1.25010")]
    again = desk.wire.call("/api/tick/last", symbol="EURUSD,GBPUSD", trans_id=fresh["trans_id"])
    assert again["answer"] == []


def test_groups_and_symbols(desk: Desk) -> None:
    total = int(desk.wire.done("/api/group/total")["Total"])
    assert total == 16
    listed = [desk.wire.done("/api/group/next", index=index)["Group"] for index in range(total)]
    assert listed == [one["Group"] for one in desk.wire.done("/api/group/get", mask="*")]
    group = desk.wire.done("/api/group/get", group="real\\std-kwd")
    assert (group["Currency"], group["CurrencyDigits"], group["MarginMode"]) == ("KWD", "3", "2")
    assert desk.wire.code("/api/group/get", group="none") == 13
    assert desk.wire.code("/api/group/next", index=total) == 13
    symbols = desk.wire.done("/api/symbol/list")
    assert {"EURUSD", "XAUUSD", "US500"} <= set(symbols)
    gold = desk.wire.done("/api/symbol/get", symbol="XAUUSD")
    assert (gold["Digits"], gold["ContractSize"], gold["CalcMode"], gold["VolumeMin"]) == (
        "2",
        "100.00",
        "4",
        "100",
    )
    marked = desk.wire.done("/api/symbol/get_group", symbol="EURUSD", group="real\\std-usd")
    assert marked["SpreadDiff"] == "6"
