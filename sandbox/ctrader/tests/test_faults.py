"""Faults on demand: what the client sees, and what really happened at the plant."""

from __future__ import annotations

import http.client
import ssl
import time
from typing import Any

import pytest

from sandbox.ctrader.tests.client import FOREVER, MANAGER, PASSWORD, Declined, Got, md5
from sandbox.ctrader.tests.conftest import Desk

GONE = (ConnectionError, ssl.SSLError, http.client.HTTPException)
BALANCE = "ProtoChangeBalanceReq"
TIME = 313


def history(desk: Desk, trader_id: int) -> list[Got]:
    """ProtoDepositWithdraw of a trader, newest first."""
    return desk.wire.ask(417, (2, trader_id), (3, 0), (4, FOREVER)).inners(3)


@pytest.mark.parametrize(("kind", "balance"), [("drop_after_commit", 500), ("drop_before_commit", 0)])
def test_a_dropped_deposit_is_booked_or_not_but_never_answered(desk: Desk, kind: str, balance: int) -> None:
    trader = desk.wire.open_trader().one(1)
    wire = desk.connect().log_in()
    desk.fault(kind, path=BALANCE)
    with pytest.raises(GONE):
        wire.deposit(trader, 500, (9, "op-1"))
    assert desk.wire.trader(trader).one(8) == balance
    assert [row.text(15) for row in history(desk, trader)] == ["op-1"][: balance // 500]
    desk.connect().log_in().deposit(trader, 1)


@pytest.mark.parametrize(("kind", "balance"), [("drop_after_commit", 500), ("drop_before_commit", 0)])
def test_so_is_one_through_web_services(desk: Desk, kind: str, balance: int) -> None:
    login = desk.web.open_trader()["login"]
    path = f"/v2/webserv/traders/{login}"
    desk.fault(kind, path="/v2/webserv/traders/")
    with pytest.raises(GONE):
        desk.web.call("POST", path + "/changebalance", {"login": login, "preciseAmount": "5", "type": "DEPOSIT"})
    assert desk.web.call("GET", path)["balance"] == balance


def test_a_fault_is_limited_to_its_message_and_count(desk: Desk) -> None:
    trader = desk.wire.open_trader().one(1)
    desk.fault("rights_missing", path=BALANCE, count=2)
    assert desk.wire.ask(TIME).one(2) > 0
    for _ in range(2):
        with pytest.raises(Declined, match="NOT_ENOUGH_RIGHTS"):
            desk.wire.deposit(trader, 1)
    assert desk.admin("GET", "/faults") == {"faults": []}
    desk.wire.deposit(trader, 1)
    assert desk.wire.trader(trader).one(8) == 1


def test_a_slow_answer_is_overtaken_by_its_event_and_other_answers(desk: Desk) -> None:
    trader = desk.wire.open_trader().one(1)
    desk.fault("slow", path=BALANCE, seconds=0.4)
    started = time.monotonic()
    desk.wire.send(519, [(2, trader), (3, 5), (5, 0), (10, 1)], "slow")
    assert desk.wire.ask(TIME).one(2) > 0
    assert desk.wire.execution(10).inner(7).one(4) == 0 + 5
    assert desk.wire.trader(trader).one(8) == 5
    assert time.monotonic() - started < 0.4
    kind, _, message_id = desk.wire.receive()
    assert (kind, message_id) == (520, "slow")
    assert time.monotonic() - started >= 0.4


def test_a_half_open_socket_hears_nothing_more(desk: Desk) -> None:
    trader = desk.wire.open_trader().one(1)
    wire = desk.connect(timeout=0.5).log_in()
    desk.fault("half_open", path="ProtoServerTimeReq")
    with pytest.raises(TimeoutError):
        wire.ask(TIME)
    assert wire.events == []
    desk.wire.deposit(trader, 5)
    with pytest.raises(TimeoutError):
        wire.receive()
    assert desk.wire.ask(TIME).one(2) > 0


def test_a_right_hash_may_be_refused(desk: Desk) -> None:
    desk.fault("wrong_hash", count=2)
    with pytest.raises(Declined, match="AUTHENTICATION_FAILED"):
        desk.connect().log_in()
    body = {"login": MANAGER, "hashedPassword": md5(PASSWORD)}
    assert desk.web.code("POST", "/v2/webserv/managers/token", body) == "NOT_ENOUGH_RIGHTS"
    desk.connect().log_in()
    desk.web.log_in()


def test_web_services_answer_any_status_or_none(desk: Desk) -> None:
    desk.fault("http_status", status=503)
    assert desk.web.raw("GET", "/v2/webserv/symbols")[::2] == (503, b"")
    desk.fault("rights_missing", path="/v2/webserv/symbols")
    assert desk.web.code("GET", "/v2/webserv/symbols") == "NOT_ENOUGH_RIGHTS"
    desk.fault("half_open")
    slow = type(desk.web)(desk.sandbox.web_port, desk.sandbox.ca, desk.name, timeout=0.3)
    with pytest.raises(TimeoutError):
        slow.raw("GET", "/v2/webserv/symbols")
    assert len(desk.web.call("GET", "/v2/webserv/symbols")["symbol"]) > 20


def test_disarming_forgets_all_faults(desk: Desk) -> None:
    desk.fault("rights_missing", count=9)
    desk.fault("clock_skew", seconds=99)
    desk.admin("DELETE", "/faults")
    assert desk.wire.ask(TIME).one(2) > 0
    assert desk.admin("GET", "")["skew_seconds"] == 0


def test_an_amended_deposit_moves_the_balance_and_its_record(desk: Desk) -> None:
    trader = desk.wire.open_trader().one(1)
    number = desk.wire.deposit(trader, 10_000, (4, "first"))
    desk.wire.events.clear()
    assert desk.fault("amend_deal", deal=number, profit="80.50", comment="corrected")["difference"] == "-19.50"
    (row,) = history(desk, trader)
    assert (row.one(5), row.text(7)) == (8050, "corrected")
    assert desk.wire.trader(trader).numbers(8, 30) == (8050, 2)
    changed = desk.wire.event(503)
    assert changed.inner(2).numbers(1, 8, 30) == (trader, 8050, 2)
    assert all(kind != 300 for kind, _ in desk.wire.events)


def test_an_amended_trade_shows_in_the_closing_detail(desk: Desk) -> None:
    trader = desk.wire.open_trader(group=2, balance=1_000_000)
    desk.price("EURUSD", "1.10000", "1.10000")
    made = desk.close(desk.trade(trader.one(2), "EURUSD", "buy", "1.00")["positionId"])
    desk.fault("amend_deal", deal=made["dealId"], profit="12.00", swap="-1.00", commission="-7.50")
    detail = desk.wire.ask(709, (2, made["dealId"])).inner(2).inner(32)
    # A swap of a dollar was charged after all, and half a dollar more of commission.
    assert detail.numbers(3, 4, 7, 25) == (-100, -750, 1200, 350)
    assert desk.wire.trader(trader.one(1)).one(8) == 1_000_000 + 1200 - 100 - 750


@pytest.mark.parametrize("kind", [0, 19])
def test_a_deleted_deposit_is_gone_with_its_money(desk: Desk, kind: int) -> None:
    trader = desk.wire.open_trader(balance=1000).one(1)
    number = desk.wire.deposit(trader, 300, kind=kind)
    desk.fault("delete_deal", deal=number)
    assert desk.wire.trader(trader).numbers(8, 65) == (1000, 0)
    assert len(history(desk, trader)) == 1
    assert desk.refuse("POST", "/faults", {"kind": "delete_deal", "deal": number}) == (409, "DEAL_NOT_FOUND")
    assert desk.wire.deposit(trader, 1) > number


def test_a_deleted_trade_is_in_no_list(desk: Desk) -> None:
    trader = desk.wire.open_trader(group=2, balance=100_000)
    made = desk.close(desk.trade(trader.one(2), "EURUSD", "buy", "0.10")["positionId"])
    desk.fault("delete_deal", deal=made["dealId"])
    assert len(desk.wire.deals((2, trader.one(1)))) == 1
    with pytest.raises(Declined, match="DEAL_NOT_FOUND"):
        desk.wire.ask(709, (2, made["dealId"]))


def test_a_balance_may_change_without_a_deal(desk: Desk) -> None:
    trader = desk.wire.open_trader(balance=1000)
    desk.fault("balance_mismatch", login=trader.one(2), amount="-0.07")
    assert desk.wire.trader(trader.one(1)).numbers(8, 30) == (993, 2)
    assert len(history(desk, trader.one(1))) == 1


def test_a_skewed_clock_shows_in_all_times(desk: Desk) -> None:
    desk.fault("clock_skew", seconds=-3600)
    trader = desk.wire.open_trader(balance=1).one(1)
    real = desk.sandbox.admin("GET", "/clock")["utc_ms"]
    for shown in (desk.wire.ask(TIME).one(2), history(desk, trader)[0].one(6)):
        assert abs(shown + 3_600_000 - real) < 5000


def test_a_burst_is_that_many_real_deals_told_at_once(desk: Desk) -> None:
    trader = desk.wire.open_trader(group=2, balance=10_000_000)
    desk.fault("burst", login=trader.one(2), count=2000)
    told: set[int] = set()
    while len(told) < 2000:
        told.add(desk.wire.execution(3).inner(8).one(1))
    listed = desk.wire.deals((2, trader.one(1)))
    assert {deal.one(1) for deal in listed} == told
    net = sum(deal.inner(32).one(25) for deal in listed if 32 in deal)
    assert desk.wire.trader(trader.one(1)).one(8) == 10_000_000 + net


@pytest.mark.parametrize(
    "body", [{"kind": "unheard"}, {"kind": "slow", "count": 0}, {"kind": "http_status", "status": 200}]
)
def test_nonsense_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert desk.refuse("POST", "/faults", body) == (409, "INVALID_REQUEST")
