"""WebServices by HTTPS."""

from __future__ import annotations

import csv
import io
from typing import Any
from xml.etree import ElementTree

import pytest

from sandbox.ctrader.tests.client import FOREVER, MANAGER, TRADER_PASSWORD, md5
from sandbox.ctrader.tests.conftest import Desk

TRADERS = "/v2/webserv/traders"
TOKEN = "/v2/webserv/managers/token"
DAY_MS = 86_400_000


def money(desk: Desk, login: int, amount: str, kind: str = "DEPOSIT", **more: Any) -> Any:
    """changebalance that must succeed."""
    body = {"login": login, "preciseAmount": amount, "type": kind, **more}
    return desk.web.call("POST", f"{TRADERS}/{login}/changebalance", body)


def test_a_token_opens_everything_until_the_password_changes(desk: Desk) -> None:
    assert desk.web.code("POST", TOKEN, {"login": MANAGER, "hashedPassword": md5("wrong")}) == "NOT_ENOUGH_RIGHTS"
    assert desk.web.call("GET", "/v2/webserv/tradergroups")["traderGroup"][0] == {
        "id": 1, "name": "standard", "description": "standard terms"
    }  # fmt: skip
    other = type(desk.web)(desk.sandbox.web_port, desk.sandbox.ca, desk.name)
    assert other.code("GET", "/v2/webserv/symbols") == "NOT_ENOUGH_RIGHTS"
    desk.admin("PATCH", "", {"managers": [{"login": MANAGER, "password": "Another1"}]})
    assert desk.web.code("GET", "/v2/webserv/symbols") == "NOT_ENOUGH_RIGHTS"
    desk.web.log_in(password="Another1")
    assert desk.web.call("GET", "/v2/webserv/symbols")["symbol"][0]["name"] == "EURUSD"


def test_who_does_not_ask_for_json_gets_xml(desk: Desk) -> None:
    status, kind, data = desk.web.raw("GET", "/v2/webserv/tradergroups", accept="*/*")
    assert (status, kind.split(";")[0]) == (200, "application/xml")
    assert [one.findtext("name") for one in ElementTree.fromstring(data)] == ["standard", "raw", "vip", "demo"]


def test_a_trader_is_created_and_seen_by_both_apis(desk: Desk) -> None:
    contact = {"city": "Bremen", "countryId": 276, "email": "jane@example.com", "introducingBroker1": 12}
    made = desk.web.open_trader(
        name="Jane", lastName="Doe", groupName="raw", accountType="NETTED", balance=12_345, contactDetails=contact,
        accountLifetimeType="UNLIMITED", swapFree=True, totalMarginCalculationType="SUM",
    )  # fmt: skip
    shown = desk.web.call("GET", f"{TRADERS}/{made['login']}")
    assert shown == made
    assert {name: made[name] for name in ("balance", "equity", "freeMargin", "moneyDigits", "usedMargin")} == {
        "balance": 12_345, "equity": 12_345, "freeMargin": 12_345, "moneyDigits": 2, "usedMargin": 0
    }  # fmt: skip
    assert (made["contactDetails"], made["accountType"], made["accountLifetimeType"]) == (
        contact,
        "NETTED",
        "UNLIMITED",
    )
    (trader,) = desk.wire.ask(403, (2, 0), (3, FOREVER)).inners(2)
    assert trader.numbers(2, 3, 8, 9, 14, 64, 68) == (made["login"], 2, 12_345, 1, 276, 1, 1)
    assert (trader.text(10), trader.text(16), trader.text(69)) == ("Jane", "Bremen", "sandbox")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"groupName": None}, "INVALID_REQUEST"),
        ({"groupName": "nowhere"}, "TRADER_GROUP_NOT_FOUND"),
        ({"accessRights": "ALL"}, "INVALID_REQUEST"),
        ({"accountType": 0}, "INVALID_REQUEST"),
        ({"leverageInCents": "much"}, "INVALID_REQUEST"),
        ({"leverageInCents": 150}, "WRONG_LEVERAGE"),
        ({"depositCurrency": "XXX"}, "UNKNOWN_DEPOSIT_CURRENCY"),
        ({"hashedPassword": "plain"}, "INVALID_REQUEST"),
        ({"balance": 1.5}, "INVALID_REQUEST"),
        ({"contactDetails": {"countryId": "Germany"}}, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_opened_leaves_nothing(desk: Desk, change: dict[str, Any], code: str) -> None:
    body = {
        "accessRights": "FULL_ACCESS", "accountType": "HEDGED", "balance": 0, "brokerName": "sandbox",
        "depositCurrency": "USD", "groupName": "standard", "hashedPassword": md5(TRADER_PASSWORD),
        "leverageInCents": 10_000, **change,
    }  # fmt: skip
    assert desk.web.code("POST", TRADERS, body) == code
    assert desk.admin("GET", "")["accounts"] == 0


def test_patch_keeps_and_put_wipes(desk: Desk) -> None:
    made = desk.web.open_trader(name="Jane", contactDetails={"city": "Bremen"}, leverageInCents=50_000, swapFree=True)
    path = f"{TRADERS}/{made['login']}"
    assert desk.web.raw("PATCH", path, {"leverageInCents": 20_000, "groupName": "vip"})[::2] == (204, b"")
    shown = desk.web.call("GET", path)
    assert (shown["leverageInCents"], shown["groupName"], shown["name"]) == (20_000, "vip", "Jane")
    assert (shown["contactDetails"], shown["swapFree"]) == ({"city": "Bremen"}, True)
    assert desk.web.raw("PUT", path, {"groupName": "raw"})[::2] == (204, b"")
    shown = desk.web.call("GET", path)
    assert (shown["groupName"], shown["leverageInCents"], shown["swapFree"]) == ("raw", 10_000, False)
    assert (shown.get("name"), shown["contactDetails"]) == (None, {})


def test_a_deleted_trader_is_gone(desk: Desk) -> None:
    login = desk.web.open_trader()["login"]
    assert desk.web.raw("DELETE", f"{TRADERS}/{login}")[0] == 204
    assert desk.web.code("GET", f"{TRADERS}/{login}") == "TRADER_NOT_FOUND"
    assert desk.web.code("DELETE", f"{TRADERS}/{login}") == "TRADER_NOT_FOUND"


def test_a_window_of_registrations_is_half_open_and_in_chunks(desk: Desk) -> None:
    desk.admin("PATCH", "", {"web_chunk": 2})
    made = []
    for group in ("standard", "raw", "raw"):
        made.append(desk.web.open_trader(groupName=group))
        desk.sandbox.admin("POST", "/clock", {"advance_seconds": 5})
    first, _, last = (one["registrationTimestamp"] for one in made)
    page = desk.web.call("GET", TRADERS + "/", **{"from": first, "to": last + 1})
    assert ([one["login"] for one in page["trader"]], page["hasMore"]) == ([one["login"] for one in made[:0:-1]], True)
    rest = desk.web.call("GET", TRADERS + "/", **{"from": first, "to": made[1]["registrationTimestamp"]})
    assert ([one["login"] for one in rest["trader"]], rest["hasMore"]) == ([made[0]["login"]], False)
    grouped = desk.web.call("GET", TRADERS + "/", **{"from": first, "to": last, "groupId": 2})
    assert [one["login"] for one in grouped["trader"]] == [made[1]["login"]]
    assert desk.web.code("GET", TRADERS + "/", **{"from": last, "to": first}) == "INVALID_REQUEST"
    assert desk.web.code("GET", TRADERS + "/") == "INVALID_REQUEST"


def test_money_in_and_out_to_the_cent(desk: Desk) -> None:
    login = desk.web.open_trader()["login"]
    words = {"comment": "managers", "externalNote": "client", "source": "VISA", "externalId": "op-9"}
    number = money(desk, login, "100.01", **words)["balanceHistoryId"]
    assert money(desk, login, "0.02", "WITHDRAW")["balanceHistoryId"] > number
    assert money(desk, login, "5", "DEPOSIT_NONWITHDRAWABLE_BONUS") == {}
    shown = desk.web.call("GET", f"{TRADERS}/{login}")
    assert (shown["balance"], shown["nonWithdrawableBonus"], shown["equity"], shown["cashEquity"]) == (
        9999,
        500,
        10_499,
        9999,
    )
    rows = desk.wire.ask(417, (3, 0), (4, FOREVER)).inners(3)
    assert [row.numbers(1, 5) for row in rows] == [(19, 500), (1, 2), (0, 10_001)]
    assert [rows[2].text(field) for field in (7, 8, 14, 15)] == ["managers", "client", "VISA", "op-9"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"preciseAmount": "0", "type": "DEPOSIT"}, "CHANGE_BALANCE_BAD_AMOUNT"),
        ({"preciseAmount": -1, "type": "DEPOSIT"}, "CHANGE_BALANCE_BAD_AMOUNT"),
        ({"preciseAmount": 0.001, "type": "DEPOSIT"}, "CHANGE_BALANCE_BAD_AMOUNT"),
        ({"preciseAmount": 10.01, "type": "WITHDRAW"}, "NOT_ENOUGH_MONEY"),
        ({"preciseAmount": 1, "type": "GIFT"}, "INVALID_REQUEST"),
        ({"preciseAmount": 1}, "INVALID_REQUEST"),
        ({"preciseAmount": 1, "type": "DEPOSIT", "login": 1}, "INVALID_REQUEST"),
    ],
)
def test_a_declined_change_changes_nothing(desk: Desk, body: dict[str, Any], code: str) -> None:
    login = desk.web.open_trader(balance=1000)["login"]
    assert desk.web.code("POST", f"{TRADERS}/{login}/changebalance", {"login": login, **body}) == code
    assert desk.web.call("GET", f"{TRADERS}/{login}")["balance"] == 1000


def test_a_number_with_a_point_is_no_float(desk: Desk) -> None:
    login = desk.web.open_trader()["login"]
    for amount in (0.1, 0.2, 1e2, 33554432.01):
        desk.web.raw(
            "POST", f"{TRADERS}/{login}/changebalance", {"login": login, "preciseAmount": amount, "type": "DEPOSIT"}
        )
    assert desk.web.call("GET", f"{TRADERS}/{login}")["balance"] == 10 + 20 + 10_000 + 3_355_443_201


def test_bonus_and_password(desk: Desk) -> None:
    login = desk.web.open_trader()["login"]
    body = {"login": login, "preciseAmount": "7.5", "type": "DEPOSIT"}
    assert desk.web.call("POST", f"{TRADERS}/{login}/changebonus", body)["bonusHistoryId"] > 0
    body = {"login": login, "preciseAmount": "8", "type": "WITHDRAW"}
    assert desk.web.code("POST", f"{TRADERS}/{login}/changebonus", body) == "NOT_ENOUGH_MONEY"
    assert desk.web.call("GET", f"{TRADERS}/{login}")["bonus"] == 750
    body = {"login": login, "hashedPassword": md5("New1!")}
    assert desk.web.raw("POST", f"{TRADERS}/{login}/changepassword", body)[::2] == (204, b"")
    desk.wire.ask(307, (4, login), (3, md5("New1!")))


def test_positions_as_csv(desk: Desk) -> None:
    login, other = desk.web.open_trader(groupName="raw", balance=1_000_000)["login"], desk.web.open_trader()["login"]
    desk.price("EURUSD", "1.10000", "1.10000")
    made = desk.trade(login, "EURUSD", "buy", "1.00")
    _, kind, data = desk.web.raw("GET", "/v2/webserv/openPositions", login=login)
    (row,) = csv.DictReader(io.StringIO(data.decode()))
    assert (kind.split(";")[0], data.split(b"\n")[0][:30]) == ("text/csv", b"login,positionId,openTimestamp")
    wanted = ("login", "positionId", "entryPrice", "direction", "volume", "symbol", "commission", "swap", "usedMargin")
    assert [row[name] for name in wanted] == [
        str(login), str(made["positionId"]), "1.10000", "BUY", "100000.00", "EURUSD", "-3.50", "0.00", "1100.00"
    ]  # fmt: skip
    desk.price("EURUSD", "1.10100", "1.10100")
    closed = desk.close(made["positionId"])
    at = closed["executionTimestamp"]
    window = {"from": at - DAY_MS, "to": at + DAY_MS}
    _, _, data = desk.web.raw("GET", "/v2/webserv/closedPositions", **window)
    (row,) = csv.DictReader(io.StringIO(data.decode()))
    wanted = ("positionId", "dealId", "entryPrice", "closePrice", "direction", "volume", "commission", "pnl")
    assert [row[name] for name in wanted] == [
        str(made["positionId"]), str(closed["dealId"]), "1.10000", "1.10100", "BUY", "100000.00", "-7.00", "100.00"
    ]  # fmt: skip
    assert desk.web.raw("GET", "/v2/webserv/closedPositions", login=other, **window)[2].count(b"\n") == 1
    assert desk.web.raw("GET", "/v2/webserv/openPositions")[2].count(b"\n") == 1
    window["to"] += 1
    assert desk.web.code("GET", "/v2/webserv/closedPositions", **window) == "INVALID_REQUEST"


def test_a_ctid_is_made_once_and_linked_with_the_password(desk: Desk) -> None:
    login = desk.web.open_trader()["login"]
    body = {"email": "Jane@Example.com", "brokerName": "sandbox", "preferredLanguage": "de"}
    made = desk.web.call("POST", "/cid/ctid/create", body)
    assert made["status"] == "CTID_NEW"
    assert desk.web.call("POST", "/cid/ctid/create", body) == {"userId": made["userId"]}
    assert desk.web.code("POST", "/cid/ctid/create", {**body, "brokerName": "other"}) == "CH_BROKER_NOT_FOUND"
    link = {
        "traderLogin": login, "traderPasswordHash": md5(TRADER_PASSWORD), "userId": made["userId"],
        "brokerName": "sandbox", "environmentName": "demo", "returnAccountDetails": True,
    }  # fmt: skip
    answer = desk.web.call("POST", "/cid/ctid/link", link)
    assert (answer["ctidTraderAccountId"] > 0, answer["accountDetails"]["login"]) == (True, login)
    assert desk.web.code("POST", "/cid/ctid/link", {**link, "traderPasswordHash": md5("x")}) == "WRONG_PASSWORD"
    assert desk.web.code("POST", "/cid/ctid/link", {**link, "userId": 1}) == "CH_CTID_NOT_FOUND"
    assert desk.web.code("POST", "/cid/ctid/link", {**link, "traderLogin": 1}) == "TRADER_NOT_FOUND"


def test_subaccounts_are_those_that_say_whose_they_are(desk: Desk) -> None:
    parent = desk.wire.open_trader()
    child = desk.wire.open_trader((75, parent.one(1)), balance=4200)
    answer = desk.web.call("GET", f"{TRADERS}/{parent.one(2)}/subaccounts")
    assert answer == {
        "subAccountLogins": {"login": [child.one(2)]},
        "totalSubAccountsBalance": 4200,
        "totalSubAccountsEquity": 4200,
    }


def test_lists_paths_and_hosts(desk: Desk) -> None:
    assets = {one["name"]: one["digits"] for one in desk.web.call("GET", "/v2/webserv/depositAssets")["depositAsset"]}
    assert (assets["USD"], assets["JPY"], "XAU" in assets) == (2, 0, False)
    symbols = {one["name"]: one for one in desk.web.call("GET", "/v2/webserv/symbols")["symbol"]}
    assert symbols["EURUSD"] == {
        "id": 1, "name": "EURUSD", "assetClass": "Forex", "category": "Majors", "quotesEnabled": True,
        "showInCtrader": True,
    }  # fmt: skip
    assert desk.web.raw("GET", "/v2/webserv/nothing")[0] == 404
    assert desk.web.raw("POST", TRADERS, [1])[0] == 400
    nobody = type(desk.web)(desk.sandbox.web_port, desk.sandbox.ca, "nobody")
    assert nobody.raw("GET", "/v2/webserv/symbols")[0] == 404
