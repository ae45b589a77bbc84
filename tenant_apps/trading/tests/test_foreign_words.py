"""What trading servers and clients call things is text on every page: never markup, never an expression."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kernel import clock
from kernel.actors import Reach
from tenant_apps.trading.models import AccountType, Case, Deal, Position, TradingAccount, TradingServer
from tenant_apps.trading.services import bulk
from tenant_apps.trading.tests.conftest import TEST
from tenant_apps.trading.tests.test_pages import ALL_GRANTS, Desk, desk

__all__ = ["desk"]
MARK = "<i x=\"'>{{1}}"
GRANTS = {
    **ALL_GRANTS,
    **dict.fromkeys(("trading.dealing", "trading.bulk.view", "trading.bulk.edit", "trading.types.edit"), Reach.ALL),
}
PATHS = [
    "/trading/accounts/", "/trading/accounts/{account}/", "/trading/servers/", "/trading/servers/{server}/",
    "/trading/servers/{server}/health/", "/trading/types/", "/trading/cases/", "/trading/cases/{case}/",
    "/trading/dealing/", "/trading/exposure/", "/trading/exposure/positions/?symbol=<i+x=\"'>{{{{1}}}}",
    "/trading/bulk/new/?what=type&q=<i+x=\"'>{{{{1}}}}",
]  # fmt: skip


def named(desk: Desk) -> None:
    """Everything that somebody else names bears the mark."""
    TradingServer.objects.update(last_error=MARK, last_error_at=clock.now(), settings={"public_name": MARK})
    AccountType.objects.update(name=MARK, group=MARK, description=MARK, leverages=[10, 30])
    TradingAccount.objects.update(label=MARK)
    Case.objects.update(kind="orphan_deal", data={"comment": MARK, "deal": MARK, "kind": MARK}, note=MARK)
    now, one = clock.now(), Decimal(1)
    base = {"server": desk.server, "account": desk.account, "symbol": MARK, "lots": one, "currency": "EUR"}
    for number, kind in enumerate(("sell", "balance")):
        Deal.objects.create(
            **base, deal=number, login=501, order=0, position=0, kind=kind, entry="out", reason=MARK, closed_lots=one,
            price=one, position_price=one, contract_size=one, profit_minor=5, swap_minor=0, commission_minor=0,
            result_minor=5, digits=2, executed_at=now, stored_at=now, comment=MARK,
        )  # fmt: skip
    Position.objects.create(
        **base, position=1, side="buy", price_open=one, price_current=one, profit_minor=1, swap_minor=0,
        opened_at=now, seen_at=now,
    )  # fmt: skip


@pytest.mark.parametrize("pattern", PATHS)
def test_in_the_office(desk: Desk, pattern: str) -> None:
    TradingAccount.objects.update(live=True)
    named(desk)
    answer = desk.browser(desk.staff(GRANTS), "office").get(desk.address(pattern))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<i x=" not in page
    assert "{{1}}" in page or "health" in pattern


@pytest.mark.parametrize("pattern", ["/accounts/", "/accounts/open/", "/accounts/{account}/", "/"])
def test_in_the_portal(desk: Desk, pattern: str) -> None:
    named(desk)
    page = desk.browser(desk.user, "portal").get(desk.address(pattern)).content.decode()
    assert "<i x=" not in page
    assert "{{1}}" in page


def test_on_a_bulk_change(desk: Desk) -> None:
    named(desk)
    staff = desk.staff(GRANTS)
    change = bulk.plan(actor=TEST, query="", leverage=10)
    change.rows.update(state="skipped", reason=MARK)
    page = desk.browser(staff, "office").get(f"/trading/bulk/{change.pk}/").content.decode()
    assert "<i x=" not in page
