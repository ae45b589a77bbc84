"""Traders through the Manager's API."""

from __future__ import annotations

import pytest

from sandbox.ctrader.tests.client import FOREVER, TRADER_PASSWORD, Declined, md5
from sandbox.ctrader.tests.conftest import Desk

LIST, CRUD, BY_ID, CHECK, CHANGE = 403, 501, 703, 307, 303
CREATE, UPDATE, DELETE, DIFF = 1, 3, 4, 5


def assets(desk: Desk) -> dict[str, tuple[int, int]]:
    """Id and digits of every asset."""
    return {one.text(2): (one.one(1), one.one(9)) for one in desk.wire.ask(465).inners(2)}


def test_a_trader_is_created_and_read(desk: Desk) -> None:
    before = desk.wire.ask(313).one(2)
    made = desk.wire.open_trader(
        (10, "Jane"), (56, "Doe"), (21, "jane@example.com"), (14, 276), (66, 50_000), (9, 1), (59, 1), (64, 1), group=2
    )
    assert made.one(1) != made.one(2)
    assert made.numbers(3, 8, 9, 14, 59, 64, 66, 80) == (2, 0, 1, 276, 1, 1, 50_000, 2)
    assert (made.text(10), made.text(56), made.text(21)) == ("Jane", "Doe", "jane@example.com")
    assert before <= made.one(25) <= desk.wire.ask(313).one(2)
    # A password is never given back.
    assert 11 not in made


def test_logins_count_up_or_are_chosen(desk: Desk) -> None:
    first = desk.wire.open_trader().one(2)
    wanted = [(1, 0), (2, first + 7), (3, 1), (8, 0), (11, md5(TRADER_PASSWORD)), (61, assets(desk)["USD"][0])]
    chosen = desk.wire.ask(CRUD, (2, CREATE), (3, wanted)).one(3)
    assert desk.wire.trader(chosen).one(2) == first + 7
    assert desk.wire.open_trader().one(2) == first + 1
    with pytest.raises(Declined, match="INVALID_REQUEST"):
        desk.wire.ask(CRUD, (2, CREATE), (3, wanted))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((3, 99), "TRADER_GROUP_NOT_FOUND"),
        ((61, 999), "UNKNOWN_DEPOSIT_CURRENCY"),
        ((66, 55), "WRONG_LEVERAGE"),
        ((66, 1_000_000), "WRONG_LEVERAGE"),
        ((11, "secret"), "INVALID_REQUEST"),
        ((9, 7), "INVALID_REQUEST"),
        ((59, 7), "INVALID_REQUEST"),
        ((8, -1), "CHANGE_BALANCE_BAD_AMOUNT"),
    ],
)
def test_what_cannot_be_opened_leaves_nothing(desk: Desk, change: tuple[int, object], code: str) -> None:
    trader = {1: 0, 2: 0, 3: 1, 8: 0, 11: md5(TRADER_PASSWORD), 61: assets(desk)["USD"][0], change[0]: change[1]}
    with pytest.raises(Declined, match=code):
        desk.wire.ask(CRUD, (2, CREATE), (3, list(trader.items())))
    assert desk.admin("GET", "")["accounts"] == 0
    assert desk.wire.ask(LIST, (2, 0), (3, FOREVER)).get(2) is None


def test_update_resets_what_it_leaves_out_and_a_difference_keeps_it(desk: Desk) -> None:
    made = desk.wire.open_trader((10, "Jane"), (15, "Bremen"), (66, 50_000), (59, 3))
    ids = [(1, made.one(1)), (2, made.one(2)), (8, 0)]
    desk.wire.ask(CRUD, (2, DIFF), (3, [*ids, (3, 2), (66, 20_000)]))
    changed = desk.wire.trader(made.one(1))
    assert changed.numbers(3, 59, 66, 74) == (2, 3, 20_000, 2)
    assert (changed.text(10), changed.text(15)) == ("Jane", "Bremen")
    desk.wire.ask(CRUD, (2, UPDATE), (3, [*ids, (3, 2)]))
    reset = desk.wire.trader(made.one(1))
    assert reset.numbers(3, 59, 66, 74) == (2, 0, 10_000, 3)
    assert 10 not in reset
    assert 15 not in reset


def test_an_update_may_insist_on_the_version_it_knows(desk: Desk) -> None:
    made = desk.wire.open_trader()
    ids = [(1, made.one(1)), (2, made.one(2)), (3, 1), (8, 0)]
    with pytest.raises(Declined, match="CONCURRENT_MODIFICATION"):
        desk.wire.ask(CRUD, (2, DIFF), (3, [*ids, (66, 20_000), (74, 9)]), (4, 1))
    desk.wire.ask(CRUD, (2, DIFF), (3, [*ids, (66, 20_000), (74, 1)]), (4, 1))
    assert desk.wire.trader(made.one(1)).numbers(66, 74) == (20_000, 2)


def test_a_deleted_trader_is_gone_unless_it_trades(desk: Desk) -> None:
    made = desk.wire.open_trader(balance=100_000)
    body = [(1, made.one(1)), (2, made.one(2)), (3, 1), (8, 0)]
    deal = desk.trade(made.one(2), "EURUSD", "buy", "0.01")
    with pytest.raises(Declined, match="TRADER_HAS_POSITIONS"):
        desk.wire.ask(CRUD, (2, DELETE), (3, body))
    desk.close(deal["positionId"])
    assert desk.wire.ask(CRUD, (2, DELETE), (3, body)).numbers(2, 3) == (DELETE, made.one(1))
    with pytest.raises(Declined, match="TRADER_NOT_FOUND"):
        desk.wire.trader(made.one(1))
    assert len(desk.wire.deals()) == 2


def test_a_list_is_newest_first_by_registration_in_chunks(desk: Desk) -> None:
    desk.admin("PATCH", "", {"chunk": 3})
    made = []
    for number in range(5):
        made.append(desk.wire.open_trader(group=1 + number % 2))
        desk.sandbox.admin("POST", "/clock", {"advance_seconds": 10})
    page = desk.wire.ask(LIST, (2, 0), (3, FOREVER))
    assert ([one.one(1) for one in page.inners(2)], page.one(3)) == ([one.one(1) for one in made[:1:-1]], 1)
    oldest = page.inners(2)[-1].one(25)
    rest = desk.wire.ask(LIST, (2, 0), (3, oldest))
    assert ([one.one(1) for one in rest.inners(2)], rest.one(3)) == ([one.one(1) for one in made[2::-1]], 0)
    grouped = desk.wire.ask(LIST, (2, 0), (3, FOREVER), (4, 2))
    assert [one.one(1) for one in grouped.inners(2)] == [made[3].one(1), made[1].one(1)]
    with pytest.raises(Declined, match="INCORRECT_BOUNDARIES"):
        desk.wire.ask(LIST, (2, 9), (3, 8))


def test_a_manager_sees_its_own_groups_only(desk: Desk) -> None:
    desk.admin("PATCH", "", {"managers": [{"login": 2000, "password": "raw", "groups": ["r*"]}]})
    own, other = desk.wire.open_trader(group=2), desk.wire.open_trader(group=1)
    wire = desk.connect().log_in(2000, "raw")
    assert [one.one(1) for one in wire.ask(LIST, (2, 0), (3, FOREVER)).inners(2)] == [own.one(1)]
    assert [one.one(1) for one in wire.ask(BY_ID, (2, own.one(1)), (2, other.one(1))).inners(2)] == [own.one(1)]
    for payload, parts in ((BY_ID, [(2, other.one(1))]), (CHECK, [(2, other.one(1)), (3, md5(TRADER_PASSWORD))])):
        with pytest.raises(Declined, match="TRADER_NOT_FOUND"):
            wire.ask(payload, *parts)
    with pytest.raises(Declined, match="NOT_ENOUGH_RIGHTS"):
        wire.open_trader(group=1)
    access = {one.text(2): one.one(15) for one in wire.ask(473).inners(2)}
    assert access == {"standard": 0, "raw": 1, "vip": 0, "demo": 0}


def test_passwords_are_checked_and_changed_by_their_digest(desk: Desk) -> None:
    made = desk.wire.open_trader()
    assert desk.wire.ask(CHECK, (2, made.one(1)), (3, md5(TRADER_PASSWORD))).one(2) == made.one(1)
    assert desk.wire.ask(CHECK, (4, made.one(2)), (3, md5(TRADER_PASSWORD))).one(2) == made.one(1)
    assert desk.wire.ask(CHANGE, (2, made.one(1)), (3, md5("Other1!"))).one(2) == made.one(1)
    with pytest.raises(Declined, match="WRONG_PASSWORD"):
        desk.wire.ask(CHECK, (2, made.one(1)), (3, md5(TRADER_PASSWORD)))
    with pytest.raises(Declined, match="INVALID_REQUEST"):
        desk.wire.ask(CHANGE, (2, made.one(1)), (3, "Other1!"))
    desk.wire.ask(CHECK, (2, made.one(1)), (3, md5("Other1!")))


def test_assets_symbols_and_groups(desk: Desk) -> None:
    known = assets(desk)
    assert {name: known[name][1] for name in ("USD", "JPY", "KWD")} == {"USD": 2, "JPY": 0, "KWD": 3}
    symbols = {one.text(2): one for one in desk.wire.ask(467).inners(2)}
    euro = symbols["EURUSD"]
    assert euro.numbers(4, 5, 32, 53, 54) == (5, 4, 10_000_000, known["EUR"][0], known["USD"][0])
    assert symbols["US500"].one(32) == 1000
    groups = desk.wire.ask(473).inners(2)
    assert [(one.one(1), one.text(2), one.one(9)) for one in groups] == [
        (1, "standard", 0.5),
        (2, "raw", 0.5),
        (3, "vip", 0.3),
        (4, "demo", 0.5),
    ]
