"""The pages: what they show of whom, in which order, to whom, and in how many queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.actors import Reach
from kernel.tenancy import context
from tenant_apps.copying.models import Strategy, StrategyState
from tenant_apps.trading.adapters.registry import ADAPTERS
from tenant_apps.trading.forms import SERVER_FORMS
from tenant_apps.trading.models import TradingAccount, TradingServer
from tenant_apps.trading.tests.test_pages import Desk

from .conftest import client_actor

RIGHTS = {"copying.view": Reach.ALL, "copying.release": Reach.ALL}
LONG = 120
FORM = {
    "name": "Calm trend", "description": "Majors only", "performance_fee": "20", "management_fee": "0",
    "volume_fee": "0", "minimum": "100", "consent": "on",
}  # fmt: skip


def rising(by: float, days: int = LONG) -> list[int]:
    return [round(100_000 * (1 + by * day / days) * (1 - 0.01 * (day % 2))) for day in range(days + 1)]


def names(html: str) -> list[str]:
    return re.findall(r'href="/strategies/[0-9a-f-]{36}/"><bdi>([^<]+)</bdi>', html)


@pytest.fixture
def portal(desk: Desk) -> Any:
    browser = desk.browser(desk.user, "portal")
    return lambda path: browser.get(path).content.decode()


@pytest.fixture
def several(strategy: Callable[..., Strategy]) -> dict[str, Strategy]:
    return {
        "Steady": strategy("Steady", rising(0.4)),
        "Slow": strategy("Slow", rising(0.1)),
        "Young": strategy("Young", rising(3.0, 20)),
        "Rare": strategy("Rare", rising(2.0), (2, 0)),
        "Blank": strategy("Blank", ()),
    }


def test_those_too_few_to_judge_stand_below(portal: Any, several: dict[str, Strategy]) -> None:
    assert names(portal("/strategies/")) == ["Steady", "Slow", "Rare", "Young", "Blank"]
    assert portal("/strategies/").count("Too few to judge") == 3


ORDERS = {
    "sort=-growth": ["Young", "Rare", "Steady", "Slow", "Blank"],
    "sort=growth": ["Slow", "Steady", "Rare", "Young", "Blank"],
    "sort=-month": ["Rare", "Steady", "Slow", "Blank", "Young"],
    "age=90": ["Steady", "Slow", "Rare"],
    "trades=30": ["Steady", "Slow", "Young"],
    "drawdown=10": ["Steady", "Slow", "Rare", "Young"],
    "currency=USD": [],
    "age=7&drawdown=x&trades=-1&currency='&after=zzz": ["Steady", "Slow", "Rare", "Young", "Blank"],
}


def test_order_and_filters(portal: Any, several: dict[str, Strategy]) -> None:
    assert {query: names(portal(f"/strategies/?{query}")) for query in ORDERS} == ORDERS


def test_leafing_shows_every_row_once(portal: Any, several: dict[str, Strategy]) -> None:
    for sort in ("-ratio", "growth", "-year", "age"):
        path, seen = f"/strategies/?size=2&sort={sort}", list[str]()
        while path:
            html = portal(path)
            seen += names(html)
            found = re.search(r'rel="next" href="([^"]+)"', html)
            path = "/strategies/" + found[1].replace("&amp;", "&") if found and len(seen) < 10 else ""
        assert sorted(seen) == sorted(several), sort


def test_only_what_is_released_is_shown_to_others(portal: Any, desk: Desk, strategy: Callable[..., Strategy]) -> None:
    browser = desk.browser(desk.user, "portal")
    fresh = {"released_at": None}
    faces: list[tuple[dict[str, Any], bool, bool, int]] = [
        ({"state": StrategyState.WAITING, **fresh}, False, False, 404),
        ({"state": StrategyState.REJECTED, **fresh}, False, False, 404),
        ({"state": StrategyState.LISTED}, True, False, 200),
        ({"state": StrategyState.LISTED, "visible": False}, False, True, 200),
        ({"state": StrategyState.ENDED, "ended_at": clock.now()}, False, True, 200),
        ({"state": StrategyState.SUSPENDED}, False, False, 404),
    ]
    rows = [(strategy(f"Face {number}", **values), values) for number, (values, *_) in enumerate(faces)]
    board, gone = names(portal("/strategies/")), names(portal("/strategies/ended/"))
    for (row, _), (_, on_board, ended, status) in zip(rows, faces, strict=True):
        assert (row.name in board, row.name in gone) == (on_board, ended), row.name
        assert browser.get(f"/strategies/{row.pk}/").status_code == status, row.name
    ended_page = portal("/strategies/ended/")
    assert ended_page.count("Name withheld") == 1
    assert "Face 5" not in ended_page
    assert "3 strategies that were once shown are gone." in portal("/strategies/")


def test_whose_it_is_stands_nowhere(portal: Any, strategy: Callable[..., Strategy]) -> None:
    client = {"first_name": "Ottilie", "last_name": "Wurzelbacher"}
    row = strategy("Calm", rising(0.4), client=client)
    ended = strategy("Over", rising(0.4), client=client, state=StrategyState.ENDED)
    for path in ("/strategies/", "/strategies/ended/", f"/strategies/{row.pk}/", f"/strategies/{ended.pk}/"):
        html = portal(path)
        assert not re.search(r"ottilie|wurzelbacher|c70\d@|>70\d<", html, re.IGNORECASE), path


def test_amounts_only_where_the_capital_is_offered(portal: Any, strategy: Callable[..., Strategy]) -> None:
    hidden, open_ = strategy("Hidden", rising(0.4)), strategy("Open", rising(0.4), show_capital=True)
    for row in (hidden, open_):
        row.stats.capital_minor, row.stats.capital_currency = 1_234_500, "EUR"
        row.stats.save()
    assert not re.search("12.345", portal(f"/strategies/{hidden.pk}/"))
    assert re.search("12.345", portal(f"/strategies/{open_.pk}/"))


def test_following_is_where_the_platform_has_it(portal: Any, strategy: Callable[..., Strategy]) -> None:
    row = strategy("Calm", rising(0.4))
    assert not any(adapter.copying for adapter in ADAPTERS.values())
    assert "Ask us how to reach its copying" in portal(f"/strategies/{row.pk}/")
    TradingServer.objects.update(settings={"copy_url": "https://copy.example/app"})
    html = portal(f"/strategies/{row.pk}/")
    assert 'href="https://copy.example/app"' in html
    assert "Open MetaTrader 5" in html
    Strategy.objects.update(state=StrategyState.ENDED)
    assert "https://copy.example/app" not in portal(f"/strategies/{row.pk}/")


@pytest.mark.parametrize("kind", SERVER_FORMS)
def test_the_servers_form_takes_addresses_of_the_web_only(kind: str) -> None:
    for address, fits in (
        ("https://copy.example/", True),
        ("javascript:alert(1)", False),
        ("http://x.example/", False),
    ):
        assert ("copy_url" not in SERVER_FORMS[kind]({"copy_url": address}).errors) == fits


def test_too_few_and_unknown_are_said(portal: Any, several: dict[str, Strategy]) -> None:
    assert "With fewer than 30 trades or 90 days" in portal(f"/strategies/{several['Young'].pk}/")
    assert "Where that is so no figure is shown" in portal(f"/strategies/{several['Blank'].pk}/")
    assert "Too few" not in portal(f"/strategies/{several['Steady'].pk}/")


def test_the_way_to_the_board_is_on_the_trading_page(portal: Any) -> None:
    assert 'href="/strategies/"' in portal("/accounts/")


def test_a_client_offers_hides_and_ends(desk: Desk, portal: Any) -> None:
    browser = desk.browser(desk.user, "portal")
    assert f"/strategies/offer/{desk.account.pk}/" in portal("/strategies/mine/")
    path = f"/strategies/offer/{desk.account.pk}/"
    refused = browser.post(path, {**FORM, "consent": ""})
    assert (refused.status_code, Strategy.objects.count()) == (422, 0)
    assert browser.post(path, FORM).headers["Location"] == "/strategies/mine/"
    row = Strategy.objects.get()
    assert (row.name, row.minimum_minor, row.account_id) == ("Calm trend", 10_000, desk.account.pk)
    assert 'value="Calm trend"' in portal(path)
    assert browser.get(f"/strategies/{row.pk}/").status_code == 200
    browser.post(f"/strategies/{row.pk}/show/")
    row.refresh_from_db()
    assert not row.visible
    browser.post(f"/strategies/{row.pk}/end/")
    row.refresh_from_db()
    assert row.state == StrategyState.ENDED
    assert "Offer again" in portal("/strategies/mine/")


def test_empty_pages_say_so(portal: Any, desk: Desk) -> None:
    assert "No strategies here" in portal("/strategies/")
    assert "None has ended yet" in portal("/strategies/ended/")
    TradingAccount.objects.filter(pk=desk.account.pk).update(live=False)
    assert "You offer no strategy" in portal("/strategies/mine/")


def test_the_office_releases_and_suspends(desk: Desk, strategy: Callable[..., Strategy]) -> None:
    row = strategy("Calm", rising(0.4), state=StrategyState.WAITING, released_at=None)
    browser = desk.browser(desk.staff({**RIGHTS, "clients.view": Reach.ALL}), "office")
    assert "Calm" in browser.get("/copying/").content.decode()
    html = browser.get(f"/copying/{row.pk}/").content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', html)
    assert seen
    browser.post(f"/copying/{row.pk}/release/", {"seen": "other"})
    row.refresh_from_db()
    assert row.state == StrategyState.WAITING
    browser.post(f"/copying/{row.pk}/release/", {"seen": seen[1]})
    row.refresh_from_db()
    assert row.state == StrategyState.LISTED
    browser.post(f"/copying/{row.pk}/suspend/", {"reason": "A complaint"})
    row.refresh_from_db()
    assert (row.state, row.note) == (StrategyState.SUSPENDED, "A complaint")
    assert "A complaint" in browser.get(f"/copying/{row.pk}/").content.decode()
    assert "Calm" in browser.get("/copying/?view=gone").content.decode()


def test_changes_are_shown_beside_what_holds(desk: Desk, strategy: Callable[..., Strategy]) -> None:
    row = strategy("Calm", rising(0.4))
    row.wanted = {
        "name": "Calm", "description": "Gold only", "performance_fee": "0", "management_fee": "0",
        "volume_fee_minor": 250, "minimum_minor": 0, "show_capital": False,
    }  # fmt: skip
    row.save()
    html = desk.browser(desk.staff(RIGHTS), "office").get(f"/copying/{row.pk}/").content.decode()
    assert "Gold only" in html
    assert "2.50" in html
    assert "Waits for release" in html


@pytest.mark.parametrize("path", ["/copying/", "/copying/{id}/"])
def test_no_page_without_the_right(desk: Desk, strategy: Callable[..., Strategy], path: str) -> None:
    row = strategy("Calm")
    other = desk.browser(desk.staff({"trading.view": Reach.ALL}), "office")
    assert other.get(path.format(id=row.pk)).status_code == 403


@pytest.mark.parametrize("act", ["release", "reject", "suspend"])
def test_seeing_is_not_deciding(desk: Desk, strategy: Callable[..., Strategy], act: str) -> None:
    row = strategy("Calm", state=StrategyState.WAITING)
    viewer = desk.browser(desk.staff({"copying.view": Reach.ALL}), "office")
    assert viewer.post(f"/copying/{row.pk}/{act}/", {"reason": "x"}).status_code == 403
    near = desk.browser(desk.staff({"copying.view": Reach.OWN, "copying.release": Reach.ALL}), "office")
    assert near.get(f"/copying/{row.pk}/").status_code == 404
    assert near.post(f"/copying/{row.pk}/{act}/", {"reason": "x"}).status_code == 404
    row.refresh_from_db()
    assert (row.state, row.note) == (StrategyState.WAITING, "")


def test_another_brokerage_has_none_of_it(desk: Desk, strategy: Callable[..., Strategy], other_tenant: Any) -> None:
    row = strategy("Calm", rising(0.4))
    with context.use(other_tenant):
        there = Desk(other_tenant)
        browser = there.browser(there.user, "portal")
        assert browser.get(f"/strategies/{row.pk}/").status_code == 404
        assert "Calm" not in browser.get("/strategies/").content.decode()
        office = there.browser(there.staff(RIGHTS), "office")
        assert office.get(f"/copying/{row.pk}/").status_code == 404


@pytest.mark.parametrize("path", ["/strategies/", "/strategies/ended/", "/strategies/mine/", "/copying/?view=all"])
def test_as_many_queries_for_many_as_for_few(desk: Desk, strategy: Callable[..., Strategy], path: str) -> None:
    surface = "office" if path.startswith("/copying") else "portal"
    browser = desk.browser(desk.staff(RIGHTS) if surface == "office" else desk.user, surface)

    def more(number: int) -> None:
        strategy(f"On {number}")
        strategy(f"Off {number}", state=StrategyState.ENDED)
        mine = strategy(f"Mine {number}")
        TradingAccount.objects.filter(pk=mine.account_id).update(client_id=client_actor(desk).client_id)

    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(path).status_code == 200
        return len(seen)

    more(1)
    count()
    few = count()
    for number in range(2, 5):
        more(number)
    assert count() == few
    assert few < 25


def test_a_strategys_page_reads_no_deals_and_no_points(desk: Desk, strategy: Callable[..., Strategy]) -> None:
    row = strategy("Calm", rising(0.4))
    browser = desk.browser(desk.user, "portal")
    with CaptureQueriesContext(connection) as seen:
        assert browser.get(f"/strategies/{row.pk}/").status_code == 200
    assert not [one for one in seen.captured_queries if re.search(r"trading_(deal|equity_point)", one["sql"])]
    assert len(seen) < 20
    assert row.stats.as_of > clock.now() - timedelta(minutes=5)
