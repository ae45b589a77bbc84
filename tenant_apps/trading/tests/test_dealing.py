"""Exposure, the dealing page and a server's health: right sums, within reach, and as many queries for many as for few."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.actors import Reach
from kernel.ids import uuid7
from kernel.models import Command
from kernel.money import Money
from tenant_apps.accounts.actors import actor_for
from tenant_apps.clients.models import Client
from tenant_apps.trading import dealing, exposure, latency
from tenant_apps.trading.base_currency import base_of_brokerage
from tenant_apps.trading.bridge.records import AccountRef, position_row
from tenant_apps.trading.exposure import Chosen
from tenant_apps.trading.models import AccountType, AlertKind, Deal, MarginAlert, Position, TradingAccount
from tenant_apps.trading.permissions_list import DEALING, SERVERS_VIEW
from tenant_apps.trading.tests.test_news import account as account_ref
from tenant_apps.trading.tests.test_news import position as told_position
from tenant_apps.trading.tests.test_pages import Desk, desk
from tenant_apps.trading.tests.test_performance import deal
from tenant_apps.wallets.models import Rate

__all__ = ["desk"]
PAGES = [
    "/trading/exposure/",
    "/trading/exposure/?split=book",
    "/trading/exposure/export/",
    "/trading/exposure/positions/?symbol=EURUSD",
    "/trading/exposure/positions/export/?symbol=EURUSD",
    "/trading/exposure/positions/",
    "/trading/dealing/",
]


def position(account: TradingAccount, number: int, side: str, lots: str, worth: int | None, **values: Any) -> Position:
    return Position.objects.create(
        server=account.server, account=account, position=number, side=side, lots=Decimal(lots), price_open=Decimal(1),
        price_current=Decimal(1), notional_minor=worth, swap_minor=0, currency=account.currency, opened_at=clock.now(),
        seen_at=clock.now(), **{"symbol": "EURUSD", "profit_minor": 0, **values},
    )  # fmt: skip


def dealer(desk: Desk, reach: Reach = Reach.ALL) -> Any:
    return desk.staff({DEALING: reach, SERVERS_VIEW: Reach.ALL})


@pytest.fixture
def book(desk: Desk) -> Desk:
    """Two clients: one with euros long and short, one in dollars in the A-book, and a practice account."""
    Rate.objects.create(
        base="EUR", quote="USD", pair="EUR/USD", mid=Decimal("1.25"), source="manual", observed_at=clock.now()
    )
    position(desk.account, 1, "buy", "2", 200_000, profit_minor=-1_000)
    position(desk.account, 2, "sell", "0.5", 50_000, profit_minor=300)
    kind = AccountType.objects.create(
        name="Raw", server=desk.server, group="raw", currency="USD", leverages=[30], leverage_default=30, book="a"
    )
    dollars = desk.account_of(desk.person("other@example.com", number=2), 502)
    TradingAccount.objects.filter(pk=dollars.pk).update(currency="USD", account_type=kind)
    dollars.refresh_from_db()
    position(dollars, 3, "buy", "1", 125_000, profit_minor=-250)
    position(dollars, 4, "buy", "3", None, symbol="GOLD")
    demo = desk.account_of(desk.client, 503)
    TradingAccount.objects.filter(pk=demo.pk).update(live=False)
    position(demo, 5, "buy", "9", 900_000)
    return desk


def sums(desk: Desk, **chosen: Any) -> dict[tuple[str, str], exposure.Exposure]:
    rows = exposure.exposures(actor_for(dealer(desk)), Chosen(**chosen))
    return {(row.symbol, row.split): row for row in rows}


def test_positions_add_up_in_the_base_currency(book: Desk) -> None:
    rows = sums(book)
    euro = rows["EURUSD", ""]
    assert (euro.long, euro.short, euro.net_lots) == (3, Decimal("0.5"), Decimal("2.5"))
    assert (euro.gross, euro.net) == (Money(437_500, "USD"), Money(312_500, "USD"))
    assert euro.floating == Money(-1_125, "USD")
    assert (euro.positions, euro.accounts, euro.clients, euro.unpriced) == (3, 2, 2, 0)
    assert (rows["GOLD", ""].gross, rows["GOLD", ""].unpriced) == (Money.zero("USD"), 1)


def test_demo_books_and_servers_stand_apart(book: Desk) -> None:
    assert sums(book, real="demo")["EURUSD", ""].long == 9
    assert sums(book, real="all")["EURUSD", ""].long == 12
    assert {key: row.long for key, row in sums(book, split="book").items() if key[0] == "EURUSD"} == {
        ("EURUSD", "a"): 1,
        ("EURUSD", "b"): 2,
    }
    assert sums(book, book="b")["EURUSD", ""].clients == 1
    assert sums(book, server=str(uuid7())) == {}
    assert set(sums(book, split="server")) == {("EURUSD", "mt5"), ("GOLD", "mt5")}


def test_the_sum_is_one_query_however_many_positions(book: Desk) -> None:
    actor, base = actor_for(dealer(book)), base_of_brokerage()
    for number in range(10, 40):
        position(book.account, number, "buy", "1", 1_000, symbol=f"S{number}")
    with CaptureQueriesContext(connection) as seen:
        assert len(exposure.exposures(actor, Chosen(), base)) == 32
    assert len(seen) == 1


def test_what_a_position_is_worth_comes_from_the_servers_rate() -> None:
    ref: AccountRef = account_ref(7)
    row = position_row(told_position(1, 7, "0.5"), ref)
    assert row.notional == 50_000_00


@pytest.mark.parametrize("path", PAGES)
def test_pages_open_for_the_desk_and_nobody_else(book: Desk, path: str) -> None:
    answer = book.browser(dealer(book), "office").get(path)
    assert answer.status_code == 200
    shown = b"".join(answer) if answer.streaming else answer.content
    assert b"EURUSD" in shown or "dealing" in path
    assert book.browser(book.staff({"trading.view": Reach.ALL}), "office").get(path).status_code == 403


@pytest.mark.parametrize("path", PAGES)
def test_an_agent_sees_own_clients_only(book: Desk, path: str) -> None:
    agent = dealer(book, Reach.OWN)
    Client.objects.filter(number=2).update(owner_id=agent.pk)
    deal(book.account, 1, clock.now(), 900)
    answer = book.browser(agent, "office").get(path)
    shown = (b"".join(answer) if answer.streaming else answer.content).decode()
    assert f"/trading/accounts/{book.account.pk}/" not in shown
    assert "0.50" not in shown


def test_sorted_by_any_column(book: Desk) -> None:
    browser = book.browser(dealer(book), "office")
    for sort, first in (("symbol", "EURUSD"), ("-symbol", "GOLD"), ("-gross", "EURUSD"), ("net", "GOLD")):
        rows = browser.get(f"/trading/exposure/?sort={sort}").context["table"].page.rows
        assert rows[0].symbol == first, sort
    assert browser.get("/trading/exposure/?sort=nonsense&server=x&book=z&split=q").status_code == 200


def test_the_file_has_every_row_and_no_formula(book: Desk) -> None:
    position(book.account, 77, "buy", "1", 1_000, symbol="=CMD")
    answer = book.browser(dealer(book), "office").get("/trading/exposure/export/")
    lines = b"".join(answer).decode().splitlines()
    assert len(lines) == 4
    assert any(line.startswith("'=CMD") for line in lines)


def test_a_page_without_positions_says_so(desk: Desk) -> None:
    browser = desk.browser(dealer(desk), "office")
    for path in ("/trading/exposure/", "/trading/exposure/positions/?symbol=X", "/trading/exposure/positions/"):
        assert b"No open positions" in browser.get(path).content
    assert b"Deals stand here" in browser.get("/trading/dealing/").content


def test_without_a_symbol_the_positions_of_all_say_which(book: Desk) -> None:
    browser = book.browser(dealer(book), "office")
    Position.objects.filter(position=1).update(price_open=Decimal("1.10000"), stop_loss=Decimal("1.0950"))
    page = browser.get("/trading/exposure/positions/?sort=symbol").content.decode()
    assert all(words in page for words in ("All symbols", "GOLD", "EURUSD", "1.10000", "S/L", "1.0950"))
    lines = b"".join(browser.get("/trading/exposure/positions/export/")).decode().splitlines()
    assert lines[0].removeprefix("\ufeff").startswith("Account,Symbol,")
    assert len(lines) == Position.objects.filter(account__live=True).count() + 1


# --- the dealing page


def feed(desk: Desk, **query: str) -> list[int]:
    page = desk.browser(dealer(desk), "office").get("/trading/dealing/", query)
    assert page.status_code == 200
    return [row.deal for row in page.context["table"].page.rows]


def test_deals_stand_in_the_order_they_arrived_and_can_be_sifted(book: Desk) -> None:
    now = clock.now()
    deal(book.account, 1, now, 100, lots=Decimal(5))
    deal(book.account, 2, now - timedelta(hours=3), -700, symbol="GOLD", reason="stop_out")
    deal(book.account, 3, now, 5_000, kind="balance", symbol="")
    old = deal(book.account, 4, now - timedelta(days=30), 10)
    type(old).objects.filter(pk=old.pk).update(stored_at=now)
    assert feed(book) == [2, 1]
    assert feed(book, symbol="gold") == [2]
    assert feed(book, reason="stop_out") == [2]
    assert feed(book, lots="2.5") == feed(book, lots="٢,٥") == [1]
    assert feed(book, account="501") == [2, 1]
    assert feed(book, account="999") == feed(book, real="demo") == []
    assert feed(book, account="x", lots="NaN", reason="?", server="?") == [2, 1]


def test_a_filter_that_cannot_be_read_is_said_to_be_left_out(book: Desk) -> None:
    browser = book.browser(dealer(book), "office")
    assert "is not a number" not in browser.get("/trading/dealing/?lots=0,5&account=501").content.decode()
    for query in ("lots=half", "account=10x"):
        assert "is not a number" in browser.get(f"/trading/dealing/?{query}").content.decode()


def test_the_feed_is_paged_by_key(book: Desk) -> None:
    for number in range(1, 36):
        deal(book.account, number, clock.now(), 1)
    browser = book.browser(dealer(book), "office")
    first = browser.get("/trading/dealing/").context["table"].page
    second = browser.get(f"/trading/dealing/{first.next_query}").context["table"].page
    assert [row.deal for row in first.rows] == list(range(35, 5, -1))
    assert [row.deal for row in second.rows] == [5, 4, 3, 2, 1]


def test_what_clients_won_and_lost_today(book: Desk) -> None:
    other = TradingAccount.objects.get(login=502)
    deal(book.account, 1, clock.now(), 1_000)
    deal(other, 2, clock.now(), -2_500, symbol="GOLD")
    deal(other, 3, clock.now() - timedelta(days=2), -99_999)
    found = dealing.today(actor_for(dealer(book)), Chosen(), base_of_brokerage(), [book.server])
    assert [(row.name, row.result) for row in found.winners] == [("501", Money(1_250, "USD"))]
    assert [(row.name, row.result) for row in found.losers] == [("502", Money(-2_500, "USD"))]
    assert [(row.name, row.result.minor) for row in found.symbols] == [("GOLD", -2_500), ("EURUSD", 1_250)]


def test_largest_positions_and_those_short_of_margin(book: Desk) -> None:
    actor = actor_for(dealer(book))
    TradingAccount.objects.filter(login=502).update(margin_level=Decimal(60))
    TradingAccount.objects.filter(login=501).update(margin_level=Decimal(300))
    TradingAccount.objects.filter(login=503).update(margin_level=Decimal(1))
    assert [row.login for row in dealing.nearest(actor, Chosen())] == [502, 501]
    ranked = dealing.largest(actor, Chosen(), base_of_brokerage())
    assert [(row.position, worth.minor) for row, worth in ranked] == [(1, 250_000), (3, 125_000), (2, 62_500), (4, 0)]
    MarginAlert.objects.create(
        account=book.account, kind=AlertKind.MARGIN_CALL, at=clock.now(), last_at=clock.now(), unit="percent"
    )
    page = book.browser(dealer(book), "office").get("/trading/dealing/").content.decode()
    assert "Margin call" in page


def test_the_dealing_page_asks_the_same_for_many_as_for_few(book: Desk) -> None:
    browser = book.browser(dealer(book), "office")

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get("/trading/dealing/").status_code == 200
        return len(seen)

    deal(book.account, 1, clock.now(), 5)
    asked()
    few = asked()
    for number in range(2, 25):
        one = book.account_of(book.client, 600 + number)
        deal(one, number, clock.now(), number - 12)
        position(one, 100 + number, "buy", "1", number)
    assert asked() <= few


@pytest.mark.parametrize(
    ("part", "has", "lacks"),
    [("rows", "EURUSD", "Largest"), ("desk", "Largest", "Nearest"), ("risk", "Nearest", "Largest")],
)
def test_the_parts_refresh_apart(book: Desk, part: str, has: str, lacks: str) -> None:
    deal(book.account, 1, clock.now(), 5)
    headers = {"HX-Request": "true", "HX-Target": part}
    page = book.browser(dealer(book), "office").get("/trading/dealing/", headers=headers).content.decode()
    assert has in page
    assert lacks not in page


def test_a_deal_says_whether_it_opens_or_closes(book: Desk) -> None:
    browser = book.browser(dealer(book), "office")
    deal(book.account, 1, clock.now(), 5)
    assert "· Closing" in browser.get("/trading/dealing/").content.decode()
    Deal.objects.update(entry="in")
    page = browser.get("/trading/dealing/").content.decode()
    assert ("· Opening" in page, "· Closing" in page) == (True, False)


# --- a server's health


def answered(account: TradingAccount, milliseconds: int, **values: Any) -> Command:
    now = clock.now()
    given = {"kind": "trading.balance", "state": "succeeded", "sent_at": now, "finished_at": now} | values
    return Command.objects.create(aggregate=account.aggregate, **{"latency_ms": milliseconds, **given})


def test_how_long_answers_took(desk: Desk) -> None:
    for milliseconds in (*range(1, 99), 700, 20_000):
        answered(desk.account, milliseconds)
    now = clock.now()
    answered(
        desk.account, 0, kind="trading.leverage", state="failed", latency_ms=None, sent_at=now - timedelta(seconds=3)
    )
    answered(desk.account, 1, state="pending", finished_at=None)
    Command.objects.create(kind="payments.refund", aggregate=desk.account.aggregate, sent_at=now, finished_at=now)
    every, balance, leverage = latency.latencies(desk.server, latency.WINDOWS["1h"])
    assert (every.kind, every.count, every.failed) == ("", 101, 1)
    assert (balance.p50, balance.p95, balance.p99) == (50, 95, 700)
    assert (leverage.p50, [bar.count for bar in leverage.bars]) == (3_000, [0, 0, 0, 0, 0, 0, 1, 0, 0])
    assert [bar.count for bar in balance.bars] == [50, 48, 0, 0, 1, 0, 0, 0, 1]


def test_only_this_server_and_this_window(desk: Desk) -> None:
    answered(desk.account, 5)
    early = int((clock.present() - timedelta(hours=2)).timestamp() * 1000)
    answered(desk.account, 9, id=UUID(int=early << 80))
    assert [row.count for row in latency.latencies(desk.server, latency.WINDOWS["1h"])] == [1, 1]
    assert [row.count for row in latency.latencies(desk.server, latency.WINDOWS["24h"])] == [2, 2]
    other = type(desk.server).objects.create(name="other", host="o.example", manager=1)
    assert latency.latencies(other, latency.WINDOWS["24h"]) == []


def test_the_health_page(desk: Desk) -> None:
    browser, path = desk.browser(dealer(desk), "office"), f"/trading/servers/{desk.server.pk}/health/"
    assert b"Nothing was asked" in browser.get(path).content
    answered(desk.account, 120)
    answered(desk.account, 40, state="failed", error_code="market_closed")
    page = browser.get(f"{path}?window=24h").content.decode()
    assert "p95" in page
    assert "The market is closed" in page
    assert desk.browser(desk.staff({"trading.view": Reach.ALL}), "office").get(path).status_code == 403
    assert browser.get(f"/trading/servers/{uuid7()}/health/").status_code == 404
