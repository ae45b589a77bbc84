"""Nothing happens twice, not over a restart either; and what is waiting, archived or dropped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from sandbox.mt5_manager.tests.client import Wire
from sandbox.mt5_manager.tests.conftest import Sandbox, Server

MONEY = {"kind": "balance", "amount": "500.25", "comment": "op-1 Klarna", "check_margin": True}


def account(wire: Wire, operation: str = "a-1") -> int:
    login: int = wire.open_account(operation)["result"]["account"]["login"]
    return login


def balance(wire: Wire, login: int) -> str:
    found: str = wire.done("accounts.get", login=login)["account"]["balance"]
    return found


def test_the_same_operation_is_done_once_and_answered_again(server: Server) -> None:
    wire = server.wire()
    login = account(wire)
    first = wire.ask("balance.apply", "op-1", login=login, **MONEY)
    again = server.wire().ask("balance.apply", "op-1", login=login, **MONEY)
    assert (first["result"], "repeated" in first, again["repeated"]) == (again["result"], False, True)
    assert wire.refused("balance.apply", "op-1", login=login, **{**MONEY, "amount": "1"}) == "operation_conflict"
    assert balance(wire, login) == "500.25"


def test_the_same_opening_is_one_account_and_its_answer_holds_no_password(server: Server) -> None:
    wire = server.wire()
    first, again = wire.open_account("a-1"), wire.open_account("a-1")
    assert (first["result"], again["repeated"]) == (again["result"], True)
    assert "Wald" not in str(again)
    assert wire.open_account("a-1", password="Other-Pass9")["error"]["name"] == "operation_conflict"
    assert len(wire.done("accounts.find", group="real\\std-usd", external_id="a-1")["accounts"]) == 1


def test_what_was_refused_is_judged_anew(server: Server) -> None:
    wire = server.wire()
    login = account(wire)
    out = {**MONEY, "amount": "-100"}
    assert wire.refused("balance.apply", "op-1", login=login, **out) == "not_enough_money"
    assert wire.done("balance.find", login=login, operation="op-1", since="2020-01-01T00:00:00.000Z") == {
        "deals": [],
        "state": "none",
    }
    wire.done("balance.apply", "op-2", login=login, **{**MONEY, "comment": "op-2"})
    assert wire.done("balance.apply", "op-1", login=login, **out)["deal"]["profit"] == "-100.00"


@pytest.mark.parametrize(
    ("operation", "changes", "name"),
    [
        (None, {}, "invalid_parameters"),
        ("has space", {"comment": "has space"}, "invalid_parameters"),
        ("op-1", {"comment": "op-2"}, "comment_unusable"),
        ("op-1", {"comment": "op-1 " + "x" * 30}, "comment_unusable"),
        ("op-1", {"comment": "op-1 ä"}, "comment_unusable"),
        ("op-1", {"amount": "0.001"}, "unsupported_scale"),
        ("op-1", {"amount": "1e3"}, "invalid_parameters"),
        ("op-1", {"amount": 5}, "invalid_parameters"),
        ("op-1", {"amount": "0"}, "invalid_parameters"),
        ("op-1", {"amount": "1000000001"}, "money_limit"),
        ("op-1", {"kind": "gift"}, "invalid_parameters"),
        ("op-1", {"check_margin": "yes"}, "invalid_parameters"),
    ],
)
def test_money_that_cannot_be_moved_exactly_is_refused(
    server: Server, operation: str | None, changes: dict[str, Any], name: str
) -> None:
    wire = server.wire()
    login = account(wire)
    assert wire.refused("balance.apply", operation, login=login, **{**MONEY, **changes}) == name
    assert balance(wire, login) == "0.00"


@pytest.mark.parametrize(("kind", "left"), [("drop_after_commit", "500.25"), ("drop_before_commit", "0.00")])
def test_a_dropped_answer_leaves_what_it_says(server: Server, kind: str, left: str) -> None:
    wire = server.wire()
    login = account(wire)
    server.fault(kind, "balance.apply")
    with pytest.raises(ConnectionError):
        wire.ask("balance.apply", "op-1", login=login, **MONEY)
    other = server.wire()
    assert balance(other, login) == left
    assert other.ask("balance.apply", "op-1", login=login, **MONEY).get("repeated", False) is (left != "0.00")
    assert balance(other, login) == "500.25"


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    server = sandbox.create()
    wire = server.wire()
    login = account(wire)
    first = wire.done("balance.apply", "op-1", login=login, **MONEY)
    assert sandbox.stop(signal.SIGKILL) == -signal.SIGKILL
    sandbox.start()
    wire = server.wire()
    again = wire.ask("balance.apply", "op-1", login=login, **MONEY)
    assert (again["result"], again["repeated"], balance(wire, login)) == (first, True, "500.25")
    found = wire.done("balance.find", login=login, operation="op-1", since="2020-01-01T00:00:00.000Z")
    assert (found["deals"], found["state"]) == ([first["deal"]], "done")
    assert sandbox.stop() == 0


def test_updates_change_what_they_name_and_the_archive_takes_the_idle(server: Server) -> None:
    wire = server.wire()
    login = account(wire)
    before = wire.done("accounts.get", login=login)["account"]
    changes = {"leverage": 50, "rights": {"can_trade": False}}
    after = wire.done("accounts.update", "u-1", login=login, changes=changes)["account"]
    assert after == {**before, "leverage": 50, "rights": {**before["rights"], "can_trade": False}}
    assert wire.refused("accounts.update", "u-2", login=login, changes={"name": "x"}) == "invalid_parameters"
    assert wire.refused("accounts.update", "u-3", login=login, changes={"leverage": 0}) == "invalid_data"
    wire.done("accounts.update", "u-4", login=login, changes={"rights": {"can_trade": True}})
    wire.done("balance.apply", "op-1", login=login, **MONEY)
    order = {"login": login, "symbol": "EURUSD", "type": "buy_limit", "price": "0.50000", "lots": "0.10"}
    placed = server.admin("POST", "/orders", order)["order"]["Order"]
    (waiting,) = wire.done("orders.list", logins=[login], limit=5)["orders"]
    assert (waiting["order"], waiting["type"], waiting["price"]) == (int(placed), "buy_limit", "0.50000")
    assert wire.refused("accounts.archive", "r-1", login=login) == "has_open_trades"
    server.admin("DELETE", f"/orders/{placed}")
    wire.done("accounts.archive", "r-1", login=login)
    assert wire.refused("accounts.get", login=login) == "not_found"
