"""Balance operations and how they answer when they must not happen."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.mt5.tests.conftest import Desk

BALANCE = "/api/trade/balance"


def test_a_deposit_is_a_deal_with_the_amount_in_profit(desk: Desk) -> None:
    login = desk.wire.open_account()
    ticket = desk.wire.done(BALANCE, login=login, type=2, balance="500.25", comment="op-1")["Ticket"]
    deal = desk.wire.done("/api/deal/get", ticket=ticket)
    assert (deal["Deal"], deal["Login"], deal["Action"]) == (ticket, str(login), "2")
    assert (deal["Profit"], deal["Symbol"], deal["PositionID"]) == ("500.25", "", "0")
    assert (deal["Comment"], deal["MarketBid"], deal["MarketAsk"]) == ("op-1", "0", "0")
    assert desk.wire.balance(login) == "500.25"


@pytest.mark.parametrize("kind", [2, 4, 5, 6])
def test_balance_types_move_the_balance(desk: Desk, kind: int) -> None:
    login = desk.wire.open_account()
    desk.wire.done(BALANCE, login=login, type=kind, balance="10", comment="")
    assert [deal["Action"] for deal in desk.wire.deals(login)] == [str(kind)]
    state = desk.wire.done("/api/user/account/get", login=login)
    assert (state["Balance"], state["Credit"]) == ("10.00", "0.00")


def test_credit_is_not_balance(desk: Desk) -> None:
    login = desk.wire.open_account()
    desk.wire.done(BALANCE, login=login, type=3, balance="50", comment="")
    state = desk.wire.done("/api/user/account/get", login=login)
    assert (state["Balance"], state["Credit"], state["Equity"]) == ("0.00", "50.00", "50.00")
    assert desk.wire.code(BALANCE, login=login, type=2, balance="-1", comment="") == 10019
    assert desk.wire.code(BALANCE, login=login, type=3, balance="-50.01", comment="") == 10019
    assert desk.wire.code(BALANCE, login=login, type=3, balance="-50", comment="") == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"type": 1}, 3),
        ({"type": 7}, 3),
        ({"type": ""}, 3),
        ({"balance": "ten"}, 3),
        ({"balance": "NaN"}, 3),
        ({"balance": "1e5"}, 3),
        ({"balance": "0.001"}, 3),
        ({"balance": "1000000000.01"}, 4005),
        ({"balance": "-1000000000.01"}, 4005),
        ({"balance": "-100.01"}, 10019),
        ({"login": 42}, 13),
    ],
)
def test_refused_operations_change_nothing(desk: Desk, query: dict[str, Any], code: int) -> None:
    login = desk.wire.open_account(deposit="100")
    asked = {"login": login, "type": 2, "balance": "5", "comment": "x", **query}
    assert desk.wire.code(BALANCE, **asked) == code
    assert desk.wire.balance(login) == "100.00"
    assert len(desk.wire.deals(login)) == 1


def test_a_thousand_million_is_still_allowed(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="1000000000")
    assert desk.wire.balance(login) == "1000000000.00"


def test_margin_in_use_cannot_be_withdrawn_unless_the_check_is_off(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10000")
    login = desk.wire.open_account("real\\pro-usd", deposit="1000")
    desk.price("EURUSD", "1.09998", "1.09998")
    desk.trade(login, "EURUSD", "buy", "0.50")
    # Bought at the ask plus two points of markup, 1.10000: 1.00 commission, 1.00 floating loss.
    state = desk.wire.done("/api/user/account/get", login=login)
    assert (state["Balance"], state["Margin"], state["MarginFree"]) == ("999.00", "549.99", "448.01")
    assert desk.wire.code(BALANCE, login=login, type=2, balance="-448.02", comment="") == 10019
    assert desk.wire.code(BALANCE, login=login, type=2, balance="-448.02", comment="", check_margin=0) == 0
    assert desk.wire.balance(login) == "550.98"


def test_the_comment_is_cut_at_31_characters(desk: Desk) -> None:
    login = desk.wire.open_account()
    desk.wire.done(BALANCE, login=login, type=2, balance="1", comment="0123456789" * 4)
    assert desk.wire.deals(login)[0]["Comment"] == "0123456789012345678901234567890"


@pytest.mark.parametrize(
    ("group", "sent", "shown"),
    [
        ("real\\std-kwd", "1.2345", "1.235"),
        ("real\\std-kwd", "-0.0005", "-0.001"),
        ("real\\std-usd", "1.005", "1.01"),
        ("real\\std-kzt", "480000.5", "480000.50"),
    ],
)
def test_money_has_exactly_the_digits_of_the_currency(desk: Desk, group: str, sent: str, shown: str) -> None:
    login = desk.wire.open_account(group)
    desk.wire.done(BALANCE, login=login, type=5, balance=sent, comment="", check_margin=0)
    assert desk.wire.balance(login) == shown


def test_the_same_operation_twice_is_two_deals(desk: Desk) -> None:
    """There is no idempotency key: this is what a client has to guard against."""
    login = desk.wire.open_account()
    for _ in range(2):
        desk.wire.done(BALANCE, login=login, type=2, balance="10", comment="op-7")
    assert desk.wire.balance(login) == "20.00"
    assert [deal["Comment"] for deal in desk.wire.deals(login)] == ["op-7", "op-7"]


def test_check_balance_compares_with_the_deals_and_mends(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="100")
    desk.admin("POST", "/faults", {"kind": "balance_mismatch", "login": login, "amount": "7.50"})
    found = desk.wire.done("/api/user/check_balance", login=login, fixflag=1)
    assert found["Balance"] == {"User": "107.50", "History": "100.00"}
    assert desk.wire.balance(login) == "100.00"
