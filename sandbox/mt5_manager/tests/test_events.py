"""What is pushed: numbered without holes, kept while nobody is there, taken up again or begun anew."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.mt5_manager.tests.client import Message, Wire
from sandbox.mt5_manager.tests.conftest import Server

MONEY = {"kind": "balance", "amount": "1000.00", "check_margin": True}


def pushed(wire: Wire) -> list[Message]:
    """Everything told up to now."""
    wire.done("server.info")
    found, wire.pushed = wire.pushed, []
    return found


def funded(wire: Wire, operation: str = "a-1") -> int:
    login: int = wire.open_account(operation)["result"]["account"]["login"]
    wire.done("balance.apply", f"m-{operation}", login=login, comment=f"m-{operation}", **MONEY)
    return login


def subscribe(wire: Wire, epoch: str | None = None, since: int | None = None) -> Message:
    """The beginning of the stream; events after it stay."""
    wire.done("events.subscribe", epoch=epoch, since=since)
    told = pushed(wire)
    wire.pushed = told[1:]
    return told[0]


def kinds(told: list[Message]) -> list[Any]:
    return [(one["event"], one.get("what")) for one in told]


def test_nothing_is_told_to_who_has_not_asked(server: Server) -> None:
    wire = server.wire()
    funded(wire)
    assert pushed(wire) == []


def test_a_trade_s_life_in_events(server: Server) -> None:
    wire = server.wire()
    start = subscribe(wire)
    assert (start["type"], start["resumed"], start["next"]) == ("stream", False, 1)
    login = funded(wire)
    order = {"login": login, "symbol": "EURUSD", "side": "buy", "lots": "0.01"}
    position = int(server.admin("POST", "/orders", order)["deal"]["PositionID"])
    server.admin("POST", "/orders", {"position": position})
    told = pushed(wire)
    assert kinds(told) == [
        ("account", "opened"), ("deal", None), ("position", "opened"), ("deal", None), ("position", "closed"),
        ("deal", None),
    ]  # fmt: skip
    assert [one["seq"] for one in told] == [1, 2, 3, 4, 5, 6]
    window = {"since": "2020-01-01T00:00:00.000Z", "until": "2040-01-01T00:00:00.000Z"}
    read = wire.done("deals.list", logins=[login], limit=10, **window)["deals"]
    assert [one["deal"] for one in told if one["event"] == "deal"] == read


def test_a_stream_goes_on_where_it_was_and_begins_anew_where_it_cannot(server: Server) -> None:
    wire = server.wire()
    epoch = subscribe(wire)["epoch"]
    login = funded(wire)
    assert len(pushed(wire)) == 2
    server.fault("hang_up")
    server.fault("burst", login=login, count=4)
    again = server.wire()
    start = subscribe(again, epoch, 2)
    assert (start["epoch"], start["resumed"], start["next"]) == (epoch, True, 3)
    assert [one["seq"] for one in pushed(again)] == list(range(3, 11))
    for strange in ((epoch, 99), (epoch, -5), ("other", 2), (None, None)):
        assert subscribe(again, *strange)["resumed"] is False
    server.fault("forget")
    (anew,) = pushed(again)
    assert (anew["type"], anew["resumed"], anew["epoch"] != epoch) == ("stream", False, True)
    assert subscribe(again, epoch, 2)["resumed"] is False


def test_what_others_change_is_told_too(server: Server) -> None:
    wire = server.wire()
    login = funded(wire)
    subscribe(wire)
    deal = server.fault("burst", login=login, count=2)["last"]
    pushed(wire)
    server.fault("amend_deal", deal=deal, profit="5.00")
    server.fault("delete_deal", deal=deal)
    server.fault("balance_mismatch", login=login, amount="1.00")
    wire.done("accounts.update", "u-1", login=login, changes={"leverage": 50})
    wire.done("accounts.archive", "r-1", login=login)
    told = pushed(wire)
    assert kinds(told) == [
        ("deal_changed", None), ("account", "changed"), ("deal_deleted", None), ("account", "changed"),
        ("account", "changed"), ("account", "changed"), ("account", "archived"),
    ]  # fmt: skip
    assert {one["login"] for one in told} == {login}
    assert {one["number"] for one in told if "number" in one} == {deal}


def test_a_refused_operation_tells_nothing(server: Server) -> None:
    wire = server.wire()
    login = funded(wire)
    subscribe(wire)
    assert wire.refused("balance.apply", "out", login=login, comment="out", **{**MONEY, "amount": "-1000.01"})
    assert pushed(wire) == []


def test_numbers_are_left_out_or_told_twice_on_demand(server: Server) -> None:
    wire = server.wire()
    login = funded(wire)
    subscribe(wire)
    server.fault("skip_event", "deal")
    server.fault("burst", login=login, count=1)
    server.fault("repeat_event", "deal")
    server.fault("burst", login=login, count=1)
    first = [one["seq"] for one in pushed(wire) if one["event"] == "deal"]
    assert len(first) == 2
    assert first[0] == first[1]


def test_a_half_open_connection_is_silent_and_tells_nothing(server: Server) -> None:
    wire, other = server.wire(), server.wire()
    subscribe(wire)
    server.fault("half_open", "server.info")
    wire.send({"type": "request", "id": 99, "call": "server.info", "args": {}})
    funded(other)
    wire.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        wire.socket.recv(1)
