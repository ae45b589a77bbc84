"""The statement of any account: opening, lines and closing agree at any instant, page by page, for whom the books are."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actors import Reach
from kernel.ids import uuid7
from kernel.models import AuditEntry
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.tests.test_pages import officer, trader
from tenant_apps.reconciliation.services.close import figures_of
from tenant_apps.wallets.services import wallet_ensure
from tenant_apps.wallets.statements import Period, books_at, statement_made

from .support import SYSTEM, give, make_client
from .test_statements import DAY, PERIOD, at, deposits, texts

BOOKS = "ledger.view"


def clearing() -> Account:
    return Account.objects.get(owner=HOUSE, kind="clearing:test", currency="EUR")


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    moments=st.lists(st.integers(0, 48), min_size=1, max_size=9).map(sorted), start=st.integers(-2, 50),
    length=st.integers(1, 50), size=st.integers(1, 4),
)  # fmt: skip
def test_pages_of_a_house_account_join_at_any_instants(
    tenant: Any, moments: list[int], start: int, length: int, size: int
) -> None:
    deposits(make_client(), *moments)
    period = Period(DAY + timedelta(hours=start), DAY + timedelta(hours=start + length))
    found = statement_made(clearing(), period)
    lines, after, more = [], 0, True
    while more:
        page, more = found.page(after=after, size=size)
        lines += page
        after = page[-1].entry_id if page else 0
    assert lines == list(found.lines())
    assert (lines[-1].balance if lines else found.opening) == found.closing
    assert found.closing == ledger.balance_at(clearing(), period.end - timedelta(microseconds=1))


def test_a_page_takes_three_queries_however_far_in(tenant: Any, django_assert_num_queries: Any) -> None:
    deposits(make_client(), *range(12))
    found = statement_made(clearing(), Period(DAY, DAY + timedelta(days=1)))
    first, _ = found.page(after=0, size=6)
    for after in (first[0].entry_id, first[-1].entry_id):
        with django_assert_num_queries(3):
            found.page(after=after, size=5)


def test_balances_of_many_are_those_of_each(tenant: Any) -> None:
    for amount in ("5", "7"):
        with at(1):
            give(make_client(), amount)
    accounts = list(Account.objects.filter(kind="wallet"))
    assert len(accounts) == 2
    for hours in (0, 2):
        moment = DAY + timedelta(hours=hours)
        told = ledger.balances_at(accounts, moment)
        assert told == {account.pk: ledger.balance_at(account, moment) for account in accounts}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_each_line_of_the_trial_balance_leads_to_its_account(tenant: Any, language: str) -> None:
    client = make_client()
    deposits(client, 0, 30)
    web = officer(tenant, BOOKS, "wallets.view")
    web.cookies["language"] = language
    body = web.get("/wallets/trial-balance/?at=2026-05-06").content.decode()
    assert f'href="/wallets/accounts/{clearing().pk}/?to=2026-05-06"' in body
    assert 'href="/wallets/accounts/clients/wallet/EUR/?to=2026-05-06"' in body
    body = web.get(f"/wallets/accounts/{clearing().pk}/?to=2026-05-06").content.decode()
    assert "3.00" in body
    own = wallet_ensure(client_id=client.pk, currency="EUR")
    body = web.get("/wallets/accounts/clients/wallet/EUR/?to=2026-05-04").content.decode()
    assert (f"/wallets/accounts/{own.pk}/?to=2026-05-04" in body, "1.00" in body) == (True, True)
    assert web.get(f"/wallets/accounts/{own.pk}/").status_code == 200
    for wrong in ("?to=x", "?from=2026-05-09&to=2026-05-01", "?after=nonsense"):
        assert web.get(f"/wallets/accounts/{clearing().pk}/{wrong}").status_code == 200


def test_long_ones_come_page_by_page(tenant: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tenant_apps.wallets.office.accounts.LINES", 2)
    deposits(make_client(), 1, 2, 3)
    web = officer(tenant, BOOKS)
    lines = [line.entry_id for line in statement_made(clearing(), Period(DAY, DAY + timedelta(days=2))).lines()]
    body = web.get(f"/wallets/accounts/{clearing().pk}/{PERIOD}").content.decode()
    assert f"after={lines[1]}" in body
    body = web.get(f"/wallets/accounts/{clearing().pk}/{PERIOD}&after={lines[1]}").content.decode()
    assert ("6.00" in body, "after=" in body) == (True, False)


def test_providers_are_called_by_their_names(tenant: Any) -> None:
    account = ProviderAccount.objects.create(kind="stripe", name="Stripe Europe", methods=["card"])
    house = account_ensure(owner=HOUSE, kind=f"clearing:{account.pk}", currency="EUR")
    wallet = wallet_ensure(client_id=make_client().pk, currency="EUR")
    one = Money(100, "EUR")
    post(kind="payments.deposit", legs=[Leg(house, -one), Leg(wallet, one)], key="x", actor=SYSTEM, data={})
    (book,) = books_at(datetime.now().astimezone())
    assert any("Stripe Europe" in line.name for line in book.lines)
    assert "Stripe Europe" in officer(tenant, BOOKS).get(f"/wallets/accounts/{house.pk}/").content.decode()


def test_who_reads_the_books_reads_the_house_and_clients_in_reach(tenant: Any) -> None:
    client = make_client()
    give(client, "5")
    own = wallet_ensure(client_id=client.pk, currency="EUR")
    for place in ("", "file/", "pdf/"):
        house, clients = f"/wallets/accounts/{clearing().pk}/{place}", f"/wallets/accounts/{own.pk}/{place}"
        assert officer(tenant, "wallets.view").get(house).status_code == 403
        assert officer(tenant, BOOKS).get(clients).status_code == 404
        assert officer(tenant, BOOKS, "wallets.view", reach=Reach.OWN).get(clients).status_code == 404
        assert officer(tenant, BOOKS, "wallets.view").get(clients).status_code == 200
        assert officer(tenant, BOOKS).get("/wallets/accounts/999999999/" + place).status_code == 404
    listed = "/wallets/accounts/clients/wallet/EUR/"
    assert str(client.number) in officer(tenant, BOOKS, "wallets.view").get(listed).content.decode()
    assert str(client.number) not in officer(tenant, BOOKS).get(listed).content.decode()


def test_files_of_it_leave_with_a_line_in_the_trail(tenant: Any) -> None:
    deposits(make_client(), 1, 2)
    web, place = officer(tenant, BOOKS), f"/wallets/accounts/{clearing().pk}/"
    answer = web.get(f"{place}file/{PERIOD}")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [(row[3], row[4]) for row in rows[1:]] == [
        ("", "0.00"),
        ("-1.00", "-1.00"),
        ("-2.00", "-3.00"),
        ("", "-3.00"),
    ]
    answer = web.get(f"{place}file/{PERIOD}&format=xlsx")
    sheet = ZipFile(io.BytesIO(b"".join(answer.streaming_content))).read("xl/worksheets/sheet1.xml").decode()
    assert "<v>-3.00</v>" in sheet
    pdf = web.get(f"{place}pdf/{PERIOD}")
    assert "3.00" in texts(pdf.content)[0]
    assert AuditEntry.objects.filter(action="wallets.account_exported").count() == 3
    assert web.get(f"{place}file/?from=nonsense").status_code == 422


def test_clients_statements_come_as_a_workbook_too(tenant: Any) -> None:
    client = make_client()
    deposits(client, 1, 2)
    answer = trader(tenant, client).get(f"/wallets/EUR/statement/csv/{PERIOD}&format=xlsx")
    assert answer["Content-Disposition"].endswith('.xlsx"')
    sheet = ZipFile(io.BytesIO(b"".join(answer.streaming_content))).read("xl/worksheets/sheet1.xml").decode()
    assert "<v>3.00</v>" in sheet


def test_commissions_of_partners_have_an_account_and_a_line_in_the_close(tenant: Any) -> None:
    day = DAY.date()
    with at(1):
        partner = wallet_ensure(client_id=make_client().pk, currency="EUR")
        house = account_ensure(owner=HOUSE, kind="commission", currency="EUR")
        earned = Money(2500, "EUR")
        legs = [Leg(house, -earned), Leg(partner, earned)]
        post(kind="commissions.paid", legs=legs, key=str(uuid7()), actor=SYSTEM, data={})
    (told,) = figures_of(day)
    assert (told["commissions"], told["other"], told["closing"]) == (2500, 0, 2500)
    (book,) = books_at(DAY + timedelta(hours=2))
    assert "Partners’ commissions" in {line.name for line in book.lines}
    with at(30):
        give(make_client(), "5")
    assert "commissions" not in figures_of(day + timedelta(days=1))[0]  # as days that were signed before
