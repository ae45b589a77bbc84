"""The control desk, as far as it is this platform's own."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.ctrader.tests.client import Declined
from sandbox.ctrader.tests.conftest import Desk, Sandbox


def test_health_page_and_unknown_paths(sandbox: Sandbox) -> None:
    sandbox.create("healthy")
    answer = sandbox.admin("GET", "/healthz")
    assert (answer["status"], "healthy" in answer["servers"]) == ("ok", True)
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.admin_port, timeout=20)
    connection.request("GET", "/")
    response = connection.getresponse()
    page = response.read()
    connection.close()
    assert (response.status, b"<title>cTrader sandbox</title>" in page, b"MT5" in page) == (200, True, False)
    assert sandbox.ask("GET", "/nothing")[0] == 404
    assert sandbox.ask("GET", "/servers/nobody")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Bad Name"},
        {"name": "taken"},
        {"name": "x", "failure_statuss": 1},
        {"name": "x", "managers": [{"login": 1}]},
        {"name": "x", "groups": [{"name": "g", "currency": "EUR"}]},
        {"name": "x", "groups": [{"name": "g", "commission": "much"}]},
    ],
)
def test_a_plant_that_cannot_be_is_refused(sandbox: Sandbox, body: dict[str, Any]) -> None:
    sandbox.ask("POST", "/servers", {"name": "taken"})
    assert sandbox.ask("POST", "/servers", body)[0] == 409
    assert sandbox.ask("GET", "/servers/x")[0] == 404


def test_groups_of_one_s_own_with_their_commission(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk(groups=[{"name": "house", "commission": "7", "stop_out": "20"}])
    assert [(one.one(1), one.text(2), one.one(9)) for one in desk.wire.ask(473).inners(2)] == [(1, "house", 0.2)]
    trader = desk.wire.open_trader(balance=1_000_000)
    assert desk.trade(trader.one(2), "EURUSD", "buy", "1.00")["commission"] == -700
    desk.admin("PATCH", "", {"groups": [{"name": "house", "commission": "1"}, {"name": "new"}]})
    assert desk.trade(trader.one(2), "EURUSD", "buy", "1.00")["commission"] == -100
    assert [one.text(2) for one in desk.wire.ask(473).inners(2)] == ["house", "new"]
    assert desk.admin("GET", "")["groups"][1]["id"] == 2


def test_settings_change_but_not_the_name(desk: Desk) -> None:
    assert desk.admin("PATCH", "", {"environment": "live", "max_leverage": 30})["environment"] == "live"
    with pytest.raises(Declined, match="CANT_ROUTE"):
        desk.connect().log_in()
    wire = desk.connect().log_in(environment="live")
    with pytest.raises(Declined, match="WRONG_LEVERAGE"):
        wire.open_trader((66, 3100))
    assert desk.refuse("PATCH", "", {"name": "other"}) == (409, "INVALID_REQUEST")


def test_accounts_as_the_desk_sees_them(desk: Desk) -> None:
    trader = desk.wire.open_trader((10, "Jane"), (56, "Doe"), group=2, balance=1_000_000)
    desk.price("EURUSD", "1.10000", "1.10000")
    desk.trade(trader.one(2), "EURUSD", "buy", "1.00")
    pending = {"login": trader.one(2), "symbol": "EURUSD", "type": "sell_stop", "price": "1.00000", "lots": "0.10"}
    placed = desk.admin("POST", "/orders", pending)["order"]
    shown = desk.admin("GET", f"/accounts/{trader.one(2)}")
    assert {name: shown[name] for name in ("trader_id", "name", "balance", "equity", "margin", "access")} == {
        "trader_id": trader.one(1), "name": "Jane Doe", "balance": "10000.00", "equity": "9996.50",
        "margin": "1100.00", "access": "FULL_ACCESS",
    }  # fmt: skip
    assert (shown["open"][0]["commission"], shown["pending"][0]["orderId"]) == (-350, placed["orderId"])
    assert desk.admin("DELETE", f"/orders/{placed['orderId']}")["order"]["orderStatus"] == 5
    listed = desk.admin("GET", "/accounts?limit=1")
    assert (listed["total"], listed["accounts"][0]["login"]) == (1, trader.one(2))


def test_robots_trade_by_themselves(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk(autotrade=True)
    desk.wire.open_trader(balance=1_000_000)
    assert [one["habit"] for one in desk.admin("GET", "/robots")["robots"]] != []
    desk.admin("POST", "/freeze", {"frozen": False})
    deal = desk.wire.execution(3).inner(8)
    assert deal.one(4) > 0
    desk.admin("POST", "/freeze", {"frozen": True})


def test_the_event_log_numbers_what_managers_are_told(desk: Desk) -> None:
    trader = desk.wire.open_trader(balance=500)
    told = desk.wire.execution(10)
    events = desk.admin("GET", "/events?timeout=0")["events"]
    assert [one["kind"] for one in events] == ["trader", "deal"]
    assert (events[-1]["seq"], events[-1]["profit"], events[-1]["login"]) == (told.one(9), 500, trader.one(2))
