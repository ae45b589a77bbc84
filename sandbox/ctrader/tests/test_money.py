"""Balance, bonus and transfers, to the cent."""

from __future__ import annotations

import pytest

from sandbox.ctrader.tests.client import FOREVER, Declined, Got
from sandbox.ctrader.tests.conftest import Desk

BALANCE, BONUS, TRANSFER, HISTORY, BONUS_HISTORY = 519, 780, 355, 417, 786


def history(desk: Desk, trader_id: int) -> list[Got]:
    """ProtoDepositWithdraw of a trader, newest first."""
    return desk.wire.ask(HISTORY, (2, trader_id), (3, 0), (4, FOREVER)).inners(3)


def test_a_deposit_keeps_what_came_with_it(desk: Desk) -> None:
    made = desk.wire.open_trader().one(1)
    number = desk.wire.deposit(made, 12_345, (4, "for managers"), (7, "for the client"), (8, "VISA"), (9, "op-77"))
    (row,) = history(desk, made)
    assert row.numbers(1, 2, 3, 4, 5, 9, 16) == (0, number, made, 12_345, 12_345, 1, 2)
    assert [row.text(field) for field in (7, 8, 14, 15)] == ["for managers", "for the client", "VISA", "op-77"]
    assert desk.wire.trader(made).numbers(8, 30) == (12_345, 1)


def test_nothing_is_deduplicated_by_the_external_id(desk: Desk) -> None:
    made = desk.wire.open_trader().one(1)
    numbers = {desk.wire.deposit(made, 100, (9, "op-1")) for _ in range(2)}
    assert len(numbers) == 2
    assert desk.wire.trader(made).numbers(8, 30) == (200, 2)


@pytest.mark.parametrize(("kind", "sign"), [(5, 1), (6, -1), (7, 1), (8, 1), (9, 1), (10, -1), (36, 1), (37, -1)])
def test_every_type_moves_the_balance_its_way(desk: Desk, kind: int, sign: int) -> None:
    made = desk.wire.open_trader(balance=1000).one(1)
    desk.wire.deposit(made, 250, kind=kind)
    assert desk.wire.trader(made).one(8) == 1000 + sign * 250
    row = history(desk, made)[0]
    assert row.numbers(1, 4, 5) == (kind, 1000 + sign * 250, 250)


def test_the_locked_bonus_is_no_part_of_the_balance(desk: Desk) -> None:
    made = desk.wire.open_trader(balance=1000)
    trader_id, login = made.numbers(1, 2)
    desk.wire.deposit(trader_id, 500, kind=19)
    with pytest.raises(Declined, match="NOT_ENOUGH_MONEY"):
        desk.wire.deposit(trader_id, 501, kind=20)
    desk.wire.deposit(trader_id, 200, kind=20)
    shown = desk.wire.trader(trader_id)
    assert shown.numbers(8, 30, 65) == (1000, 1, 300)
    assert desk.admin("GET", f"/accounts/{login}")["equity"] == "13.00"
    assert [row.numbers(1, 4, 13) for row in history(desk, trader_id)] == [
        (20, 1000, 300),
        (19, 1000, 500),
        (0, 1000, 0),
    ]


@pytest.mark.parametrize(
    ("amount", "kind", "code"),
    [
        (0, 0, "CHANGE_BALANCE_BAD_AMOUNT"),
        (-5, 0, "CHANGE_BALANCE_BAD_AMOUNT"),
        (1001, 1, "NOT_ENOUGH_MONEY"),
        (1, 2, "INVALID_REQUEST"),
        (1, 40, "INVALID_REQUEST"),
        (1 << 62, 0, "CHANGE_BALANCE_BAD_AMOUNT"),
    ],
)
def test_a_declined_change_changes_nothing(desk: Desk, amount: int, kind: int, code: str) -> None:
    made = desk.wire.open_trader(balance=1000).one(1)
    with pytest.raises(Declined, match=code):
        desk.wire.deposit(made, amount, kind=kind)
    assert desk.wire.trader(made).numbers(8, 30) == (1000, 1)
    assert len(history(desk, made)) == 1
    with pytest.raises(Declined, match="TRADER_NOT_FOUND"):
        desk.wire.deposit(made + 1, 1)


def test_margin_in_use_cannot_be_withdrawn(desk: Desk) -> None:
    made = desk.wire.open_trader(balance=100_000)
    desk.price("EURUSD", "1.10000", "1.10000")
    desk.trade(made.one(2), "EURUSD", "buy", "0.50")
    with pytest.raises(Declined, match="NOT_ENOUGH_MONEY"):
        desk.wire.deposit(made.one(1), 99_000, kind=1)
    desk.wire.deposit(made.one(1), 40_000, kind=1)
    assert desk.wire.trader(made.one(1)).one(8) == 60_000


@pytest.mark.parametrize(("currency", "old", "new"), [("JPY", 500, 5), ("USD", 500, 500), ("KWD", 500, 5000)])
def test_amounts_count_hundredths_unless_told_the_new_way(desk: Desk, currency: str, old: int, new: int) -> None:
    assets = {one.text(2): one.one(1) for one in desk.wire.ask(465).inners(2)}
    made = desk.wire.open_trader(asset=assets[currency]).one(1)
    desk.wire.ask(BALANCE, (2, made), (3, old), (5, 0))
    assert desk.wire.trader(made).one(8) == new
    desk.wire.deposit(made, 7)
    assert desk.wire.trader(made).one(8) == new + 7


def test_hundredths_of_a_yen_do_not_exist(desk: Desk) -> None:
    assets = {one.text(2): one.one(1) for one in desk.wire.ask(465).inners(2)}
    made = desk.wire.open_trader(asset=assets["JPY"]).one(1)
    with pytest.raises(Declined, match="CHANGE_BALANCE_BAD_AMOUNT"):
        desk.wire.ask(BALANCE, (2, made), (3, 50), (5, 0))


def test_the_manager_s_bonus_counts_for_equity_alone(desk: Desk) -> None:
    made = desk.wire.open_trader(balance=1000)
    trader_id, login = made.numbers(1, 2)
    number = desk.wire.ask(BONUS, (2, trader_id), (3, 700), (5, 0), (4, "welcome"), (7, 1)).one(3)
    desk.wire.ask(BONUS, (2, trader_id), (3, 200), (5, 1), (7, 1))
    with pytest.raises(Declined, match="NOT_ENOUGH_MONEY"):
        desk.wire.ask(BONUS, (2, trader_id), (3, 501), (5, 1), (7, 1))
    with pytest.raises(Declined, match="CHANGE_BONUS_BAD_AMOUNT"):
        desk.wire.ask(BONUS, (2, trader_id), (3, 0), (5, 0), (7, 1))
    assert desk.wire.trader(trader_id).numbers(8, 30, 47, 65) == (1000, 1, 500, 0)
    assert desk.admin("GET", f"/accounts/{login}")["equity"] == "15.00"
    rows = desk.wire.ask(BONUS_HISTORY, (2, trader_id), (3, 0), (4, FOREVER)).inners(3)
    assert [row.numbers(1, 4, 5) for row in rows] == [(1, 500, 200), (0, 700, 700)]
    assert (rows[1].one(2), rows[1].text(10)) == (number, "welcome")
    assert len(history(desk, trader_id)) == 1


def test_a_transfer_moves_both_or_none(desk: Desk) -> None:
    assets = {one.text(2): one.one(1) for one in desk.wire.ask(465).inners(2)}
    dollars, yen = desk.wire.open_trader(balance=10_000).one(1), desk.wire.open_trader(asset=assets["JPY"]).one(1)
    answer = desk.wire.ask(TRANSFER, (2, dollars), (3, yen), (4, 5000), (5, 150.25), (6, 1), (7, "out"), (8, "in"))
    assert answer.numbers(2, 3) == (7513, 0)
    assert (desk.wire.trader(dollars).one(8), desk.wire.trader(yen).one(8)) == (5000, 7513)
    with pytest.raises(Declined, match="INVALID_REQUEST"):
        desk.wire.ask(TRANSFER, (2, dollars), (3, yen), (4, 1), (6, 1))
    with pytest.raises(Declined, match="NOT_ENOUGH_MONEY"):
        desk.wire.ask(TRANSFER, (2, dollars), (3, yen), (4, 5001), (5, 1.0), (6, 1))
    assert (desk.wire.trader(dollars).one(8), desk.wire.trader(yen).one(8)) == (5000, 7513)
    assert [history(desk, one)[0].text(7) for one in (dollars, yen)] == ["out", "in"]


def test_the_history_is_paged_by_its_oldest(desk: Desk) -> None:
    desk.admin("PATCH", "", {"chunk": 2})
    made = desk.wire.open_trader().one(1)
    numbers = []
    for _ in range(5):
        numbers.append(desk.wire.deposit(made, 1))
        desk.sandbox.admin("POST", "/clock", {"advance_seconds": 1})
    seen: list[int] = []
    until = FOREVER
    while True:
        page = desk.wire.ask(HISTORY, (2, made), (3, 0), (4, until))
        seen += [row.one(2) for row in page.inners(3)]
        if not page.one(4):
            break
        until = page.inners(3)[-1].one(6) - 1
    assert seen == numbers[::-1]


def test_a_copy_takes_its_money_from_the_trader_and_gives_back_what_is_left(desk: Desk) -> None:
    trader_id, login = desk.wire.open_trader(balance=100_000).numbers(1, 2)
    below = desk.admin("POST", "/copies", {"login": login, "amount": "400.00"})["login"]
    told = desk.web.call("GET", f"/v2/webserv/traders/{login}/subaccounts")
    assert told["subAccountLogins"]["login"] == [below]
    assert (told["totalSubAccountsBalance"], desk.wire.trader(trader_id).one(8)) == (40_000, 60_000)
    assert desk.refuse("POST", "/copies", {"login": below, "amount": "1.00"}) == (409, "INVALID_REQUEST")
    assert desk.refuse("POST", "/copies", {"login": login, "amount": "700.00"}) == (409, "NOT_ENOUGH_MONEY")
    desk.price("EURUSD", "1.10000", "1.10010")
    position = desk.trade(below, "EURUSD", "buy", "0.10")["positionId"]
    assert desk.refuse("DELETE", f"/copies/{below}") == (409, "INVALID_REQUEST")
    desk.close(position)
    left = desk.admin("DELETE", f"/copies/{below}")["returned"]
    assert 0 < left < 40_000
    assert desk.wire.trader(trader_id).one(8) == 60_000 + left
    assert [row.one(1) for row in history(desk, trader_id)] == [33, 30, 0]
