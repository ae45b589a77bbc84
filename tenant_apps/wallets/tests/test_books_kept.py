"""The books for who reads them: clients' trading accounts as one line, and lines of the house's accounts in words."""

from __future__ import annotations

from typing import Any

import pytest

from kernel import clock
from kernel.actors import Reach
from kernel.ids import uuid7
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, client_owner, post
from tenant_apps.payments.tests.test_pages import officer
from tenant_apps.wallets.lines import words_of
from tenant_apps.wallets.statements import Period, books_at, statement_made

from .support import SYSTEM, make_client
from .test_statements import DAY, at

BOOKS = "ledger.view"
POSTED = (
    "payments.deposit", "payments.deposit_told", "payments.suspense", "payments.suspense_out", "payments.provider_fee",
    "payments.frozen", "payments.withdrawal", "payments.withdrawal.reversal", "payments.suspense_out.reversal",
    "reconciliation.fee", "reconciliation.payout", "reconciliation.correction", "trading.pnl", "trading.opening",
    "trading.orphan", "trading.amended_deal", "trading.deleted_deal", "trading.case_settled", "trading.to_account",
)  # fmt: skip


def mirror(client: Client, login: int, minor: int) -> Account:
    account = account_ensure(owner=client_owner(client.pk), kind=f"trading:{uuid7()}-{login}", currency="EUR")
    house = account_ensure(owner=HOUSE, kind="trading-pnl", currency="EUR")
    amount = Money(minor, "EUR")
    legs = [Leg(house, -amount), Leg(account, amount)]
    post(kind="trading.pnl", legs=legs, key=str(uuid7()), actor=SYSTEM, data={})
    return account


def test_trading_accounts_are_one_line_without_anybodys_login(tenant: Any) -> None:
    for login, minor in ((70001, 1234), (70002, 4321)):
        mirror(make_client(), login, minor)
    (book,) = books_at(clock.now())
    assert [(line.kind, line.amount.minor) for line in book.lines if line.clients] == [("trading", 5555)]
    assert not book.difference
    web = officer(tenant, BOOKS)
    for path in ("/wallets/trial-balance/", "/wallets/trial-balance/csv/"):
        answer = web.get(path)
        assert answer.status_code == 200, path
        body = b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode()
        assert ("7000" in body, "12.34" in body, "55.55" in body) == (False, False, True), path
    assert 'href="/wallets/accounts/clients/trading/EUR/"' in web.get("/wallets/trial-balance/").content.decode()


def test_the_line_leads_to_those_of_clients_in_reach_page_by_page(tenant: Any, monkeypatch: Any) -> None:
    first, second = mirror(make_client(), 70001, 1234), mirror(make_client(), 70002, 4321)
    account_ensure(owner=client_owner(make_client().pk), kind="tradingother", currency="EUR")
    monkeypatch.setattr("tenant_apps.wallets.office.accounts.ACCOUNTS", 1)
    listed = "/wallets/accounts/clients/trading/EUR/"
    web = officer(tenant, BOOKS, "wallets.view")
    body = web.get(listed).content.decode()
    assert ("70001" in body, "70002" in body, f"after={first.pk}" in body) == (True, False, True)
    body = web.get(f"{listed}?after={first.pk}").content.decode()
    assert ("70002" in body, "43.21" in body, f"after={second.pk}" in body) == (True, True, False)
    for other in (officer(tenant, BOOKS), officer(tenant, BOOKS, "wallets.view", reach=Reach.OWN)):
        assert "7000" not in other.get(listed).content.decode()


@pytest.mark.parametrize("kind", POSTED)
def test_what_the_house_posts_is_said_in_words(tenant: Any, kind: str) -> None:
    for house in (False, True):
        assert words_of(kind, {}, house=house).title != "Transfer"
    assert words_of("somebody.elses", {}, house=True).title == "Transfer"


def test_a_fee_is_included_in_what_the_wallet_gave_and_nowhere_else(tenant: Any) -> None:
    wallet = account_ensure(owner=client_owner(make_client().pk), kind="wallet", currency="EUR")
    clearing, fees = (account_ensure(owner=HOUSE, kind=kind, currency="EUR") for kind in ("clearing:test", "fees"))
    one, fee = Money(1000, "EUR"), Money(50, "EUR")
    with at(1):
        post(kind="test.loss", legs=[Leg(clearing, -one), Leg(wallet, one)], key="a", actor=SYSTEM, data={})
    with at(2):
        legs = [Leg(wallet, -one), Leg(clearing, one - fee), Leg(fees, fee)]
        post(kind="payments.withdrawal", legs=legs, key="b", actor=SYSTEM, data={"fee": fee.as_json()})
    whole = Period(DAY, clock.now())
    said = {}
    for account in (wallet, clearing, fees):
        found = statement_made(account, whole)
        (*_, last) = found.lines()
        assert found.page(after=0, size=9)[0][-1] == last
        said[account.kind] = last.words.title
    assert "included" in said["wallet"]
    assert (said["clearing:test"], said["fees"]) == ("Withdrawal", "Withdrawal")
