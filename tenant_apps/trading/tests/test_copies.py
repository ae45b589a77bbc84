"""Money that a client copies others with: out of the account and back to the cent, and what became of it, from the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from kernel.clock import now
from kernel.ui.formatting import money_text
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Transfer
from tenant_apps.trading import copies, ledgers, platforms, selectors
from tenant_apps.trading.bridge import posting
from tenant_apps.trading.bridge.records import accounts_of
from tenant_apps.trading.compare import compare
from tenant_apps.trading.errors import HasOpenPositions
from tenant_apps.trading.models import Case, Deal, TradingAccount
from tenant_apps.trading.services import accounts
from tenant_apps.trading.tests import test_ctrader
from tenant_apps.trading.tests.conftest import TEST, World
from tenant_apps.trading.tests.test_bridge import server_minor, trader
from tenant_apps.trading.tests.test_journey import balance
from tenant_apps.trading.tests.test_pages import ALL_GRANTS, Desk, desk

__all__ = ["desk"]
plant, world = test_ctrader.plant, test_ctrader.world
LOST = -7_025


@pytest.fixture
def account(world: World) -> TradingAccount:
    return trader(world)


def night(world: World) -> None:
    compare(world.server, since=now() - timedelta(days=1), whole=True)


def begin(world: World, account: TradingAccount, amount: str) -> int:
    return int(world.admin("POST", "/copies", {"login": account.login, "amount": amount})["login"])


def lose(world: World, login: int) -> None:
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": login, "amount": str(LOST / 100)})


def in_copying(account: TradingAccount) -> int:
    return balance(account.client_id, f"copying:{account.login}")


def agrees(world: World, account: TradingAccount) -> bool:
    return balance(account.client_id, account.ledger_kind) == server_minor(world, account)


def test_it_goes_out_loses_there_and_comes_back(world: World, account: TradingAccount) -> None:
    below = begin(world, account, "500.00")
    night(world)
    assert (in_copying(account), server_minor(world, account)) == (50_000, 950_000)
    lose(world, below)
    night(world)
    assert in_copying(account) == 50_000 + LOST
    assert selectors.copying_of(account) == account.money(50_000 + LOST)
    world.admin("DELETE", f"/copies/{below}")
    night(world)
    assert (in_copying(account), selectors.copying_of(account)) == (0, None)
    assert server_minor(world, account) == 1_000_000 + LOST
    assert agrees(world, account)
    assert sorted(Deal.objects.values_list("kind", flat=True)) == ["balance", "copy", "copy"]
    assert Case.objects.count() == 0
    assert ledger.broken_invariants() == {}


def test_a_night_without_news_posts_nothing(world: World, account: TradingAccount) -> None:
    lose(world, begin(world, account, "500.00"))
    night(world)
    before = Transfer.objects.count()
    night(world)
    assert Transfer.objects.count() == before


def test_what_was_won_is_the_clients_as_soon_as_it_is_back(world: World, account: TradingAccount) -> None:
    """Not only with the next night: until then it would be money of the client's that nobody has to cover."""
    below = begin(world, account, "500.00")
    night(world)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": below, "amount": "200.00"})
    world.admin("DELETE", f"/copies/{below}")
    compare(world.server, since=now() - timedelta(days=1))
    assert (in_copying(account), server_minor(world, account)) == (0, 1_020_000)
    assert agrees(world, account)


def test_a_copy_that_moved_nothing_in_sum_is_asked_for(world: World, account: TradingAccount) -> None:
    below = begin(world, account, "500.00")
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": below, "amount": "80.00"})
    world.admin(
        "POST", "/faults", {"kind": "balance_mismatch", "login": begin(world, account, "80.00"), "amount": "20"}
    )
    world.admin("DELETE", f"/copies/{below}")
    night(world)
    assert (in_copying(account), server_minor(world, account)) == (10_000, 1_000_000)


def test_what_moves_while_the_server_is_asked_is_no_result(
    world: World, account: TradingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the sum is told with a copy in it of which the ledger hears later."""
    begin(world, account, "500.00")
    night(world)
    ask = platforms.ask

    def late(server: Any, call: Callable[..., Any]) -> Any:
        begin(world, account, "200.00")
        return ask(server, call)

    monkeypatch.setattr(copies.platforms, "ask", late)
    assert copies.follow(world.server, accounts_of(world.server.pk)) == [account.login]
    assert in_copying(account) == 50_000 + copies.LOOKS * 20_000
    assert not Transfer.objects.filter(kind="trading.copies").exists()


def test_a_copy_that_began_and_ended_between_the_questions_is_no_result(
    world: World, account: TradingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards the account in the ledger holds what it held before; its number of entries says that something moved."""
    begin(world, account, "500.00")
    night(world)
    real = copies._asked
    moved: list[int] = []

    async def late(platform: Any, login: int) -> Any:
        if moved:
            return await real(platform, login)
        moved.append(begin(world, account, "200.00"))
        told = await platform.copies(login)
        world.admin("DELETE", f"/copies/{moved[0]}")
        return (await real(platform, login))._replace(copies=told)

    monkeypatch.setattr(copies, "_asked", late)
    assert copies.follow(world.server, accounts_of(world.server.pk)) == []
    assert in_copying(account) == 50_000
    assert not Transfer.objects.filter(kind="trading.copies").exists()


def test_a_server_that_does_not_tell_stops_no_comparison_and_proves_no_day(
    world: World, account: TradingAccount
) -> None:
    lose(world, begin(world, account, "500.00"))
    night(world)
    refused = {"kind": "http_status", "path": f"/v2/webserv/traders/{account.login}/sub", "status": 500, "count": 5}
    world.admin("POST", "/faults", refused)
    begin(world, account, "100.00")
    found = compare(world.server, since=now() - timedelta(days=1), whole=True)
    assert in_copying(account) == 50_000 + LOST + 10_000
    assert agrees(world, account)
    assert (found.mismatches, found.sides["EUR"].unsettled) == (0, 1)


def test_what_an_adopted_account_copied_with_before(world: World, account: TradingAccount) -> None:
    night(world)
    below = begin(world, account, "500.00")
    TradingAccount.objects.filter(pk=account.pk).update(adopted_at=now() + timedelta(minutes=1))
    night(world)
    assert in_copying(account) == 50_000
    TradingAccount.objects.filter(pk=account.pk).update(adopted_at=now() - timedelta(days=1))
    world.admin("DELETE", f"/copies/{below}")
    night(world)
    assert (in_copying(account), agrees(world, account)) == (0, True)
    assert ledger.broken_invariants() == {}


def test_an_account_with_copies_is_not_archived(world: World, account: TradingAccount) -> None:
    begin(world, account, "10000.00")
    night(world)
    account.refresh_from_db()
    assert (server_minor(world, account), in_copying(account)) == (0, 1_000_000)
    with pytest.raises(HasOpenPositions):
        accounts.account_archive(actor=TEST, account=account, reason="empty")


def test_the_pages_say_what_is_in_copying(desk: Desk) -> None:
    amount = desk.account.money(-50_000)
    posting.move(desk.account, amount, house=ledgers.COPYING, kind="trading.copied", key="copy", data={})
    office, portal = desk.browser(desk.staff(ALL_GRANTS), "office"), desk.browser(desk.user, "portal")
    shown = unescape(office.get(f"/trading/accounts/{desk.account.pk}/").content.decode())
    assert "In copying" in shown
    assert money_text(-amount) in shown
    assert "In copying" in portal.get(f"/accounts/{desk.account.pk}/").content.decode()
