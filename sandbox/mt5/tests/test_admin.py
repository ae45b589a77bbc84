"""The control desk: servers at run time, history, events, time, the page."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.mt5.tests.conftest import Desk, Sandbox


def test_health_names_the_servers(desk: Desk) -> None:
    assert desk.name in desk.sandbox.admin("GET", "/healthz")["servers"]


@pytest.mark.parametrize(
    "request_",
    [
        {"name": "../evil"},
        {"name": "Upper"},
        {"name": ""},
        {"name": "ok", "surprise": 1},
        {"name": "ok", "currency": "XYZ"},
        {"name": "ok", "managers": [{}]},
    ],
)
def test_malformed_servers_are_refused(sandbox: Sandbox, request_: dict[str, Any]) -> None:
    status, answer = sandbox.ask("POST", "/servers", request_)
    assert (status, answer["retcode"]) == (409, 3)


def test_a_name_is_taken_once(desk: Desk) -> None:
    status, _ = desk.sandbox.ask("POST", "/servers", {"name": desk.name})
    assert status == 409


def test_servers_know_nothing_of_each_other(new_desk: Callable[..., Desk]) -> None:
    here, there = new_desk(), new_desk()
    login = here.wire.open_account(deposit="5")
    assert there.wire.code("/api/user/get", login=login) == 13
    assert there.wire.done("/api/user/total") == {"Total": "0"}


def test_settings_managers_and_groups_can_be_changed_while_running(desk: Desk) -> None:
    change = {
        "autotrade": True,
        "managers": [{"login": 2000, "password": "Another1", "groups": ["vip*"]}],
        "groups": [{"name": "vip\\gold", "currency": "EUR", "stop_out": "20"}],
    }
    assert desk.admin("PATCH", "", change)["autotrade"] is True
    assert desk.wire.done("/api/group/get", group="vip\\gold")["MarginStopOut"] == "20"
    assert desk.connect().log_in(2000, "Another1").done("/api/group/total") == {"Total": "1"}
    assert desk.refuse("PATCH", "", {"currency": "EUR"}) == (409, 3)
    other = {"groups": [{"name": "vip\\gold", "currency": "USD"}]}
    assert desk.refuse("PATCH", "", other) == (409, 3010)
    assert desk.wire.done("/api/group/get", group="vip\\gold")["Currency"] == "EUR"


def test_history_gives_accounts_a_past_that_adds_up(desk: Desk) -> None:
    start = 1_717_200_000
    request = {
        "accounts": [
            {
                "group": "real\\ecn-eur",
                "name": "Anna Beispiel",
                "leverage": 30,
                "registered": start - 60,
                "Email": "anna@example.com",
                "password": "1Ar#pqkj",
                "robot": "sleeper",
                "deals": [
                    {"type": "balance", "amount": "2500.00", "at": start, "comment": "first deposit"},
                    {
                        "type": "trade",
                        "symbol": "EURUSD",
                        "side": "buy",
                        "lots": "0.10",
                        "opened": start + 3600,
                        "closed": start + 90_000,
                    },
                    {"type": "credit", "amount": "50", "at": start + 10},
                ],
            },
            {
                "group": "real\\std-kwd",
                "name": "Generated",
                "leverage": 100,
                "registered": start,
                "deals": [{"type": "balance", "amount": "900.000", "at": start}],
                "generate": {"trades": 30, "from": start + 60, "to": start + 86_400 * 60},
            },
        ]
    }
    anna, generated = desk.admin("POST", "/history", request)["accounts"]
    assert (anna["deals"], generated["deals"]) == (4, 61)
    user = desk.wire.done("/api/user/get", login=anna["login"])
    assert (user["Email"], user["Credit"], user["Leverage"]) == ("anna@example.com", "50.00", "30")
    deals = desk.wire.deals(anna["login"])
    assert [(deal["Action"], deal["Entry"]) for deal in deals] == [
        ("2", "0"),
        ("3", "0"),
        ("0", "0"),
        ("1", "1"),
    ]
    assert [int(deal["Time"]) - 120 * 60 - start for deal in deals] == [0, 10, 3600, 90_000]
    assert deals[2]["PositionID"] == deals[3]["PositionID"] == deals[2]["Order"]
    assert float(deals[2]["Price"]) == pytest.approx(1.085, abs=0.02)
    check = {"Login": str(anna["login"]), "Type": "main", "Password": "1Ar#pqkj"}
    assert desk.wire.code("/api/user/check_password", check) == 0
    for one in (anna, generated):
        found = desk.wire.done("/api/user/check_balance", login=one["login"])
        assert found["Balance"] == {"User": one["balance"], "History": one["balance"]}
    times = [int(deal["TimeMsc"]) for deal in desk.wire.deals(generated["login"])]
    assert times == sorted(times)


def test_history_is_all_or_nothing(desk: Desk) -> None:
    good = {"group": "real\\std-usd", "name": "Good", "leverage": 100, "registered": 1_700_000_000}
    assert desk.refuse("POST", "/history", {"accounts": [good, {**good, "group": "nowhere"}]}) == (409, 8)
    assert desk.refuse("POST", "/history", {"accounts": [good, {**good, "login": 5}]}) == (409, 3003)
    assert desk.wire.done("/api/user/total") == {"Total": "0"}


def test_events_wait_for_the_next_one(desk: Desk) -> None:
    login = desk.wire.open_account()
    last = desk.admin("GET", "/events?timeout=0")["last"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(desk.admin, "GET", f"/events?after={last}&timeout=20")
        desk.wire.done("/api/trade/balance", login=login, type=2, balance=9, comment="op")
        answer = waiting.result()
    event = answer["events"][0]
    assert (event["kind"], event["login"], event["profit"], event["comment"]) == ("deal", login, 900, "op")
    assert 0 <= answer["now_ms"] - event["at_ms"] < 20_000
    assert desk.admin("GET", f"/events?after={answer['last']}&timeout=0")["events"] == []


def test_time_moves_forward_only(desk: Desk) -> None:
    before = desk.sandbox.admin("GET", "/clock")["utc_ms"]
    desk.sandbox.admin("POST", "/clock", {"advance_seconds": 3600})
    assert desk.sandbox.admin("GET", "/clock")["utc_ms"] >= before + 3_600_000
    assert desk.sandbox.ask("POST", "/clock", {"advance_seconds": -1})[0] == 400


def test_accounts_and_prices_are_listed(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="12.50")
    listed = desk.admin("GET", "/accounts")
    assert (listed["total"], listed["accounts"][0]["login"], listed["accounts"][0]["balance"]) == (
        1,
        login,
        "12.50",
    )
    desk.price("XAUUSD", "2400.10", "2400.40")
    gold = desk.admin("GET", "/prices")["prices"]["XAUUSD"]
    assert (gold["bid"], gold["ask"], gold["fixed"]) == ("2400.10", "2400.40", True)
    assert desk.refuse("POST", "/prices", {"XAUUSD": {"bid": "5", "ask": "4"}}) == (409, 10015)


def test_there_is_a_page_for_people(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.admin_port)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    assert b"<h1>MT5 sandbox</h1>" in response.read()
    connection.close()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("GET", "/servers/nobody", 404)])
def test_unknown_places_are_404(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    assert sandbox.ask(method, path)[0] == status
