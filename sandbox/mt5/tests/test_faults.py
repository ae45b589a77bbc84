"""Faults on demand: what the client sees, and what really happened at the server."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from sandbox.mt5.tests.client import PASSWORD, answer_to
from sandbox.mt5.tests.conftest import Desk
from sandbox.mt5.tests.test_session import GONE

BALANCE = "/api/trade/balance"


def arm(desk: Desk, kind: str, **more: Any) -> None:
    """Arm a fault."""
    desk.admin("POST", "/faults", {"kind": kind, **more})


@pytest.mark.parametrize(("kind", "balance"), [("drop_after_commit", "5.00"), ("drop_before_commit", "0.00")])
def test_a_dropped_deposit_is_booked_or_not_but_never_answered(desk: Desk, kind: str, balance: str) -> None:
    login = desk.wire.open_account()
    arm(desk, kind, path="/api/trade")
    with pytest.raises(GONE):
        desk.wire.raw(BALANCE, login=login, type=2, balance=5, comment="op-1")
    again = desk.connect().log_in()
    assert again.balance(login) == balance
    again.done(BALANCE, login=login, type=2, balance=5, comment="op-2")


def test_a_fault_is_limited_to_its_path_and_count(desk: Desk) -> None:
    login = desk.wire.open_account()
    arm(desk, "rights_missing", path="/api/trade", count=2)
    assert desk.wire.code("/api/user/get", login=login) == 0
    query: dict[str, Any] = {"login": login, "type": 2, "balance": 1, "comment": ""}
    assert [desk.wire.code(BALANCE, **query) for _ in range(3)] == [8, 8, 0]
    assert desk.admin("GET", "/faults") == {"faults": []}
    assert desk.wire.balance(login) == "1.00"


def test_disarming_forgets_all_faults(desk: Desk) -> None:
    arm(desk, "rights_missing", count=9)
    arm(desk, "clock_skew", seconds=99)
    desk.admin("DELETE", "/faults")
    assert desk.wire.code("/api/symbol/total") == 0
    assert desk.admin("GET", "")["skew_seconds"] == 0


@pytest.mark.parametrize("status", [403, 500])
def test_http_errors(desk: Desk, status: int) -> None:
    arm(desk, "http_status", status=status)
    assert desk.wire.raw("/api/time/server")[0] == status
    assert desk.wire.raw("/api/time/server")[0] == 200


def test_the_wrong_hash_exposes_an_impostor(desk: Desk) -> None:
    arm(desk, "wrong_hash")
    wire = desk.connect()
    challenge = "00" * 16
    answer = wire.call(
        "/api/auth/answer", srv_rand_answer=answer_to(PASSWORD, wire.start()["srv_rand"]), cli_rand=challenge
    )
    assert answer["retcode"] == "0 Done"
    assert len(bytes.fromhex(answer["cli_rand_answer"])) == hashlib.md5().digest_size
    assert answer["cli_rand_answer"] != answer_to(PASSWORD, challenge)


def test_a_slow_answer_comes_after_the_commit(desk: Desk) -> None:
    login = desk.wire.open_account()
    arm(desk, "slow", path="/api/trade", seconds=0.3)
    started = time.monotonic()
    desk.wire.request("GET", f"{BALANCE}?login={login}&type=2&balance=3&comment=")
    kinds = desk.admin("GET", "/events?after=1&timeout=5")["events"]
    assert [one["kind"] for one in kinds] == ["deal"]
    assert desk.wire.getresponse().read().startswith(b'{"retcode": "0 Done"')
    assert time.monotonic() - started >= 0.3


def test_a_half_open_socket_never_answers(desk: Desk) -> None:
    wire = desk.connect(timeout=0.3).log_in()
    arm(desk, "half_open")
    with pytest.raises(TimeoutError):
        wire.raw("/api/test/access")
    assert desk.wire.call("/api/test/access") == {"retcode": "0 Done"}


def test_an_amended_deal_moves_the_balance(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="100")
    ticket = desk.wire.deals(login)[0]["Deal"]
    arm(desk, "amend_deal", deal=ticket, profit="80.50", comment="corrected")
    deal = desk.wire.done("/api/deal/get", ticket=ticket)
    assert (deal["Profit"], deal["Comment"], deal["ModifyFlags"]) == ("80.50", "corrected", "1")
    assert desk.wire.balance(login) == "80.50"
    assert desk.admin("GET", "/events?timeout=0")["events"][-1]["kind"] == "deal_update"


def test_a_deleted_deal_is_gone_with_its_money(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="100")
    desk.wire.done(BALANCE, login=login, type=3, balance="30", comment="")
    first, second = (deal["Deal"] for deal in desk.wire.deals(login))
    arm(desk, "delete_deal", deal=second)
    state = desk.wire.done("/api/user/account/get", login=login)
    assert (state["Balance"], state["Credit"]) == ("100.00", "0.00")
    assert [deal["Deal"] for deal in desk.wire.deals(login)] == [first]
    assert desk.wire.code("/api/deal/get", ticket=second) == 13
    desk.wire.done(BALANCE, login=login, type=2, balance="1", comment="")
    assert int(desk.wire.deals(login)[-1]["Deal"]) == int(second) + 1


def test_a_skewed_clock_shows_in_times_but_not_in_the_zone(desk: Desk) -> None:
    arm(desk, "clock_skew", seconds=-3600)
    seconds = int(desk.wire.done("/api/time/server")["Time"].split()[0])
    zone = int(desk.wire.done("/api/time/get")["TimeZone"])
    real = desk.sandbox.admin("GET", "/clock")["utc_ms"] // 1000
    assert 0 <= real + zone * 60 - 3600 - seconds <= 5


def test_a_burst_is_that_many_real_deals(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="100000")
    arm(desk, "burst", login=login, count=2000)
    deals = desk.wire.deals(login)
    assert len(deals) == 2001
    assert {deal["Symbol"] for deal in deals[1:]} == {"EURUSD"}
    found = desk.wire.done("/api/user/check_balance", login=login)["Balance"]
    assert found["User"] == found["History"]


@pytest.mark.parametrize(
    "body", [{"kind": "unheard"}, {"kind": "slow", "count": 0}, {"kind": "http_status", "status": 200}]
)
def test_nonsense_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert desk.refuse("POST", "/faults", json.loads(json.dumps(body))) == (409, 3)
