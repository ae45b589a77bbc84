"""Accounts over the wire: opening, changing, passwords, archive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.mt5.tests.conftest import Desk

PASSWORDS = {"PassMain": "1Ar#pqkj", "PassInvestor": "2Ar#pqkj"}


def scalars(value: Any) -> list[Any]:
    """All leaves of a JSON document."""
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in scalars(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in scalars(one)]
    return [value]


def test_user_add_puts_the_login_on_top_and_the_record_in_answer(desk: Desk) -> None:
    body = {**PASSWORDS, "Email": "jane@example.com", "Country": "Germany", "Name": "From Body"}
    answer = desk.wire.call("/api/user/add", body, group="real\\std-eur", name="From Query", leverage=200)
    assert (answer["retcode"], answer["login"]) == ("0 Done", "100001")
    record = answer["answer"]
    assert record["Login"] == "100001"
    assert record["Group"] == "real\\std-eur"
    assert (record["Name"], record["Leverage"], record["Rights"]) == ("From Body", "200", "483")
    assert (record["Balance"], record["Email"], record["Country"]) == ("0.00", "jane@example.com", "Germany")
    assert "PassMain" not in record
    assert desk.wire.done("/api/user/get", login=100001) == record


@pytest.mark.parametrize(
    "path",
    [
        "/api/user/get?login={0}",
        "/api/user/account/get?login={0}",
        "/api/deal/get_page?login={0}&from=0&to=9999999999&offset=0&total=100",
        "/api/position/get_page?login={0}&offset=0&total=100",
        "/api/history/get_page?login={0}&from=0&to=9999999999&offset=0&total=100",
        "/api/group/get?mask=*",
        "/api/symbol/get?mask=*",
        "/api/tick/last?symbol=EURUSD&trans_id=0",
        "/api/time/get",
        "/api/time/server",
        "/api/common/get",
        "/api/user/total",
    ],
)
def test_every_scalar_is_a_string(desk: Desk, path: str) -> None:
    login = desk.wire.open_account(deposit="1000")
    desk.trade(login, "EURUSD", "buy", "0.10")
    leaves = scalars(desk.wire.call(path.format(login)))
    assert len(leaves) > 1
    assert [leaf for leaf in leaves if not isinstance(leaf, str)] == []


@pytest.mark.parametrize(
    "password", ["", "1Ar#pq", "1ar#pqkj", "1AR#PQKJ", "xAr#pqkj", "1Arxpqkj", "1Ar#pqkj1Ar#pqkjX"]
)
@pytest.mark.parametrize("field", ["PassMain", "PassInvestor"])
def test_weak_passwords_are_3006_and_open_nothing(desk: Desk, field: str, password: str) -> None:
    body = {**PASSWORDS, field: password}
    assert desk.wire.code("/api/user/add", body, group="real\\std-usd", name="A", leverage=100) == 3006
    assert desk.wire.done("/api/user/total") == {"Total": "0"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"group": "real\\unknown"}, 8),
        ({"group": ""}, 8),
        ({"leverage": 0}, 3),
        ({"leverage": 501}, 3),
        ({"leverage": "many"}, 3),
        ({"name": " "}, 3),
        ({"login": 99}, 3003),
    ],
)
def test_user_add_is_checked(desk: Desk, change: dict[str, Any], code: int) -> None:
    query = {"group": "real\\std-usd", "name": "A", "leverage": 100, **change}
    assert desk.wire.code("/api/user/add", PASSWORDS, **query) == code
    assert desk.wire.done("/api/user/total") == {"Total": "0"}


def test_a_taken_login_is_3004_and_a_full_range_3002(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk(login_first=500, login_last=501)
    query = {"group": "real\\std-usd", "name": "A", "leverage": 1}
    assert desk.wire.call("/api/user/add", PASSWORDS, login=501, **query)["login"] == "501"
    assert desk.wire.code("/api/user/add", PASSWORDS, login=501, **query) == 3004
    assert desk.wire.call("/api/user/add", PASSWORDS, **query)["login"] == "500"
    assert desk.wire.code("/api/user/add", PASSWORDS, **query) == 3002


def test_long_texts_are_cut_to_the_documented_lengths(desk: Desk) -> None:
    long = "ü" * 300
    body = {**PASSWORDS, "Name": long, "Company": long, "Comment": long, "Address": long}
    answer = desk.wire.call("/api/user/add", body, group="real\\std-usd", leverage=1)["answer"]
    lengths = {name: len(answer[name]) for name in ("Name", "Company", "Comment", "Address")}
    assert lengths == {"Name": 127, "Company": 63, "Comment": 63, "Address": 127}


def test_update_changes_what_is_sent_and_ignores_read_only_and_invalid_values(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="100")
    body = {"Leverage": "250", "Email": "new@example.com", "Balance": "99999.00", "Rights": "nonsense"}
    record = desk.wire.done("/api/user/update", body, login=login)
    assert (record["Leverage"], record["Email"], record["Name"]) == ("250", "new@example.com", "Jane Doe")
    assert (record["Balance"], record["Rights"]) == ("100.00", "483")
    assert desk.wire.done("/api/user/update", {"Leverage": "9000"}, login=login)["Leverage"] == "250"
    assert desk.wire.code("/api/user/update", {"Leverage": "0"}, login=login) == 3
    assert desk.wire.code("/api/user/update", {"Leverage": "10"}, login=42) == 13
    assert desk.wire.code("/api/deal/get", ticket="9" * 19) == 3
    assert desk.wire.code("/api/deal/get", ticket="9" * 40) == 3


@pytest.mark.parametrize(("semantics", "kept"), [("keep", "a@example.com"), ("replace", "")])
def test_what_happens_to_omitted_fields_is_a_setting(new_desk: Callable[..., Desk], semantics: str, kept: str) -> None:
    desk = new_desk(update_semantics=semantics)
    login = desk.wire.open_account()
    desk.wire.done("/api/user/update", {"Email": "a@example.com", "City": "Bonn"}, login=login)
    record = desk.wire.done("/api/user/update", {"City": "Köln"}, login=login)
    assert (record["City"], record["Email"]) == ("Köln", kept)


def test_a_funded_account_cannot_move_to_another_currency(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="100")
    assert desk.wire.code("/api/user/update", {"Group": "real\\std-eur"}, login=login) == 3010
    assert desk.wire.code("/api/user/update", {"Group": "real\\nowhere"}, login=login) == 8
    assert desk.wire.done("/api/user/update", {"Group": "real\\ecn-usd"}, login=login)["Group"] == "real\\ecn-usd"
    empty = desk.wire.open_account()
    assert desk.wire.done("/api/user/update", {"Group": "real\\std-eur"}, login=empty)["Group"] == "real\\std-eur"


def test_a_leverage_change_moves_the_margin_at_once(desk: Desk) -> None:
    desk.price("EURUSD", "1.10000", "1.10010")
    login = desk.wire.open_account(deposit="10000")
    desk.trade(login, "EURUSD", "buy", "1.00")
    assert desk.wire.done("/api/user/account/get", login=login)["Margin"] == "1100.05"
    desk.wire.done("/api/user/update", {"Leverage": "50"}, login=login)
    assert desk.wire.done("/api/user/account/get", login=login)["Margin"] == "2200.10"


def test_passwords_are_checked_and_changed(desk: Desk) -> None:
    login = desk.wire.open_account()
    check, change = "/api/user/check_password", "/api/user/change_password"
    assert desk.wire.code(check, {"Login": str(login), "Type": "main", "Password": "1Ar#pqkj"}) == 0
    assert desk.wire.code(check, {"Login": str(login), "Type": "investor", "Password": "1Ar#pqkj"}) == 3006
    assert desk.wire.code(change, {"Login": str(login), "Type": "main", "Password": "weak"}) == 3006
    assert desk.wire.code(change, {"Login": str(login), "Type": "main", "Password": "3Br#pqkj"}) == 0
    assert desk.wire.code(check, {"Login": str(login), "Type": "main", "Password": "1Ar#pqkj"}) == 3006
    assert desk.wire.code(check, {"Login": str(login), "Type": "main", "Password": "3Br#pqkj"}) == 0
    assert desk.wire.code(check, {"Login": str(login), "Type": "other", "Password": "3Br#pqkj"}) == 3
    assert desk.wire.code(check, {"Login": "42", "Type": "main", "Password": "3Br#pqkj"}) == 13


def test_archive_and_restore(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="70")
    assert desk.wire.code("/api/user/archive/add", login=login) == 0
    assert desk.wire.code("/api/user/get", login=login) == 13
    assert desk.wire.done("/api/user/archive/get", login=login)["Balance"] == "70.00"
    assert [one["Login"] for one in desk.wire.done("/api/user/archive/get_batch", group="*")] == [str(login)]
    assert desk.wire.code("/api/user/restore", login=login) == 0
    assert desk.wire.done("/api/user/get", login=login)["Balance"] == "70.00"
    assert desk.wire.code("/api/user/archive/get", login=login) == 13


def test_an_account_with_trades_cannot_be_deleted_or_archived(desk: Desk) -> None:
    login = desk.wire.open_account(deposit="1000")
    deal = desk.trade(login, "EURUSD", "buy", "0.01")
    assert desk.wire.code("/api/user/delete", login=login) == 3008
    assert desk.wire.code("/api/user/archive/add", login=login) == 3008
    desk.close(deal["PositionID"])
    assert desk.wire.code("/api/user/delete", login=login) == 0
    assert desk.wire.code("/api/user/get", login=login) == 13


def test_batches_by_login_list_and_by_group_mask(desk: Desk) -> None:
    first, second = desk.wire.open_account(), desk.wire.open_account("demo\\std-usd")
    third = desk.wire.open_account("real\\ecn-eur")
    get = "/api/user/get_batch"
    assert [one["Login"] for one in desk.wire.done(get, login=f"{third},{first},999")] == [
        str(third),
        str(first),
    ]
    assert [one["Login"] for one in desk.wire.done(get, group="real*,!real\\ecn*")] == [str(first)]
    assert desk.wire.done("/api/user/logins", group="demo\\*,real\\ecn-eur") == [str(second), str(third)]
    states = desk.wire.done("/api/user/account/get_batch", group="*")
    assert [one["Login"] for one in states] == [str(first), str(second), str(third)]
    assert desk.wire.code(get, login=first, group="*") == 3
    assert desk.wire.code(get) == 3


def test_api_data_cells_are_kept(desk: Desk) -> None:
    login = desk.wire.open_account()
    cells = [{"AppID": "7", "ID": "1", "ValueUInt": "4711"}]
    desk.wire.done("/api/user/update", {"ApiData": cells}, login=login)
    assert desk.wire.done("/api/user/get", login=login)["ApiData"] == cells


def test_a_body_that_is_no_json_object_is_refused(desk: Desk) -> None:
    desk.wire.request("POST", "/api/user/update?login=1", body=b"{nonsense", headers={"Connection": "keep-alive"})
    assert desk.wire.getresponse().read() == b'{"retcode": "3 Invalid parameters"}'
