"""What a pushing server tells is taken once, a lost piece becomes a gap, and part of the positions is never taken for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tenant_apps.trading.bridge import news as bridge_news
from tenant_apps.trading.bridge.book import Book
from tenant_apps.trading.bridge.news import News
from tenant_apps.trading.bridge.records import AccountRef
from tenant_apps.trading.ports import Amount, Deal, DealKind, DealReason, Heard, Lots, Position, Price, Rate, Side

MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def told_deal(number: int, profit: str = "1") -> Deal:
    return Deal(
        server="s", deal=number, login=7, order=0, position=0, external_id="", kind=DealKind.BALANCE, entry=None,
        reason=DealReason.DEALER, symbol="", lots=Lots(Decimal(0)), closed_lots=Lots(Decimal(0)), price=Price(Decimal(0)),
        position_price=Price(Decimal(0)), bid=None, ask=None, gateway_price=None, contract_size=Decimal(0),
        profit=Amount(Decimal(profit)), swap=Amount(Decimal(0)), commission=Amount(Decimal(0)), fee=Amount(Decimal(0)),
        profit_rate=Rate(Decimal(1)), margin_rate=Rate(Decimal(1)), digits=2, executed_at=MOMENT, comment="", raw={},
    )  # fmt: skip


class Telling:
    """A platform of which only what it tells matters here."""

    def __init__(self, *told: Heard | Exception) -> None:
        self.told = told

    async def listen(self) -> AsyncIterator[Heard]:
        for one in self.told:
            if isinstance(one, Exception):
                raise one
            yield one
        await asyncio.Event().wait()


def heard_of(*told: Heard | Exception, takes: Callable[[News], Any] = News.take) -> Any:
    async def listen() -> Any:
        stirred = asyncio.Semaphore(0)
        news = News(stirred.release)
        task = asyncio.create_task(news.listen(Telling(*told)))  # type: ignore[arg-type]
        try:
            for _ in told:
                await stirred.acquire()
            return takes(news)
        finally:
            task.cancel()

    return asyncio.run(listen())


def test_the_first_take_is_a_gap_and_the_next_has_nothing() -> None:
    def twice(news: News) -> tuple[Heard, Heard]:
        return news.take(), news.take()

    first, second = heard_of(Heard(deals=(told_deal(1),), logins=frozenset({7})), takes=twice)
    assert (first.gap, [deal.deal for deal in first.deals], first.logins) == (True, [1], frozenset({7}))
    assert second == Heard()


def test_a_deal_told_again_is_taken_as_it_was_told_last() -> None:
    found = heard_of(Heard(deals=(told_deal(1), told_deal(2))), Heard(deals=(told_deal(1, "5"),)))
    assert {deal.deal: deal.profit for deal in found.deals} == {1: Decimal(5), 2: Decimal(1)}


def test_what_does_not_fit_becomes_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_news, "DEALS_MOST", 3)

    def after(news: News) -> Heard:
        news.take()
        news._add(Heard(deals=tuple(map(told_deal, range(4)))))
        return news.take()

    assert heard_of(Heard(), takes=after) == Heard(gap=True)


def test_a_failure_is_raised_by_the_next_take() -> None:
    with pytest.raises(RuntimeError, match="refused"):
        heard_of(Heard(deals=(told_deal(1),)), RuntimeError("refused"))


# --- the book


def account(login: int) -> AccountRef:
    return AccountRef(uuid4(), uuid4(), login, "EUR", True, f"account:{login}", f"account-book:{login}", None, True)


def position(number: int, login: int, lots: str = "1") -> Position:
    return Position(
        server="s", position=number, login=login, symbol="EURUSD", side=Side.BUY, lots=Lots(Decimal(lots)),
        price_open=Price(Decimal(1)), price_current=Price(Decimal(1)), stop_loss=None, take_profit=None,
        contract_size=Decimal(100_000), profit=Amount(Decimal(0)), swap=Amount(Decimal(0)), profit_rate=Rate(Decimal(1)),
        margin_rate=Rate(Decimal(1)), reason=DealReason.CLIENT, opened_at=MOMENT, updated_at=MOMENT, comment="", raw={},
    )  # fmt: skip


def test_positions_of_some_accounts_say_nothing_about_the_others() -> None:
    accounts = {7: account(7), 8: account(8)}
    book, ids = Book(), {login: ref.id for login, ref in accounts.items()}

    def take(rows: list[Position], *logins: int) -> set[UUID]:
        asked = {ids[login] for login in logins} if logins else None
        return book.take_positions(rows, accounts, asked)

    assert take([position(1, 7), position(2, 8)]) == {ids[7], ids[8]}
    assert take([], 7) == {ids[7]}
    assert list(book.positions) == [2]
    assert take([position(3, 7)], 7) == {ids[7]}
    assert take([position(3, 7, "2")], 7) == {ids[7]}
    assert take([replace(position(3, 7, "2"), price_current=Price(Decimal(2)))], 7) == set()
    assert take([position(2, 8)]) == {ids[7]}
    assert list(book.positions) == [2]
