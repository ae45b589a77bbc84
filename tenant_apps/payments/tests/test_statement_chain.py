"""Statements follow one another, or a person is told what is missing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenant_apps.accounts.tests.support import log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.permissions_list import BANK_IMPORT
from tenant_apps.payments.services.bank import statement_reject
from tenant_apps.payments.services.statement_chain import gaps

from .support import eur, staff
from .test_bank import document, entry, imported, uploaded, wire_account

COUNT = iter(range(1, 10_000))


@pytest.fixture
def account(tenant: Any) -> ProviderAccount:
    return wire_account()


def told(opening: str, *amounts: str, day: int = 3, names: tuple[str, ...] = ()) -> bytes:
    """A statement of a day of November 2026. `names` tell a line again that another one told."""
    number = next(COUNT)
    names = names or tuple(f"B{number}-{n}" for n in range(len(amounts)))
    at = date(2026, 11, day)
    lines = [entry(amount, bank_reference=name, booked=at) for amount, name in zip(amounts, names, strict=True)]
    return document(*lines, opening=Decimal(opening), day=at, number=number)


def open_gaps(account: ProviderAccount) -> list[tuple[str, str]]:
    """(expected, missing) of each."""
    return [(str(gap.expected.amount), str(gap.missing.amount)) for gap in gaps([account.pk])]


def test_statements_that_follow_one_another_have_no_gap(account: ProviderAccount) -> None:
    for data in (told("0", "100", day=2), told("100", "50", day=3), told("150", "-30", day=3), told("120", "5", day=6)):
        imported(account, data)
    assert open_gaps(account) == []


def test_a_missing_statement_is_a_gap_until_it_comes_in_whatever_order(account: ProviderAccount) -> None:
    imported(account, told("0", "100", day=2))
    imported(account, told("150", "10", day=4))
    assert open_gaps(account) == [("100.00", "50.00")]
    imported(account, told("160", "1", day=5))
    assert open_gaps(account) == [("100.00", "50.00")]
    imported(account, told("100", "50", day=3))
    assert open_gaps(account) == []


def test_the_first_statement_may_open_with_anything_and_an_earlier_one_may_come_later(account: ProviderAccount) -> None:
    imported(account, told("700", "1", day=5))
    assert open_gaps(account) == []
    imported(account, told("690", "9", day=4))
    assert open_gaps(account) == [("699.00", "1.00")]


def test_two_of_one_day_may_come_in_any_order_and_a_third_may_be_missing(account: ProviderAccount) -> None:
    imported(account, told("100", "50", day=3))
    imported(account, told("0", "100", day=3))
    assert open_gaps(account) == []
    imported(account, told("170", "1", day=3))
    assert open_gaps(account) == [("150.00", "20.00")]


def test_one_that_repeats_or_overlaps_is_no_gap(account: ProviderAccount) -> None:
    imported(account, told("0", "100", "20", day=2, names=("A", "B")))
    imported(account, told("0", "100", "20", "7", day=2, names=("A", "B", "C")))
    assert open_gaps(account) == []
    imported(account, told("127", "3", day=3))
    assert open_gaps(account) == []


def test_two_that_begin_alike_and_tell_different_things_are_a_gap(account: ProviderAccount) -> None:
    imported(account, told("0", "100", day=3))
    imported(account, told("0", "50", day=3))
    assert open_gaps(account) == [("100.00", "-100.00")]


def test_a_balance_of_long_ago_is_not_the_one_before(account: ProviderAccount) -> None:
    for data in (told("0", "100", day=2), told("100", "50", day=3), told("100", "1", day=4)):
        imported(account, data)
    assert open_gaps(account) == [("150.00", "-50.00")]


def test_accounts_and_discarded_files_stand_apart(account: ProviderAccount) -> None:
    other = wire_account()
    imported(account, told("0", "100", day=2))
    imported(other, told("900", "1", day=3))
    assert gaps() == []
    done = uploaded(account, told("300", "1", day=3))
    assert [gap.missing for gap in gaps()] == [eur("200")]
    assert gaps(waiting=False) == []
    statement_reject(actor=staff(BANK_IMPORT), statement_id=done.statements[0].pk, reason="another account's")
    assert gaps() == []


def test_lines_are_added_up_only_where_a_balance_does_not_follow(tenant: Any, account: ProviderAccount) -> None:
    office = log_in(tenant, person("finance"))
    imported(account, told("0", "100", day=2))
    imported(account, told("100", "50", day=3))
    with CaptureQueriesContext(connection) as queries:
        assert gaps() == []
    assert len(queries) == 1
    imported(account, told("160", "1", day=4))
    with CaptureQueriesContext(connection) as queries:
        assert len(gaps()) == 1
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        assert office.get("/payments/bank/", headers={"HX-Request": "true"}).status_code == 200
    assert not [query for query in queries if 'FROM "payments_bank_statement"' in query["sql"]]


def test_the_pages_say_it_and_cost_the_same(tenant: Any, account: ProviderAccount) -> None:
    office = log_in(tenant, person("finance"))
    imported(account, told("0", "100", day=2))
    late = imported(account, told("150", "10", day=4)).statements[0]
    body = office.get(f"/payments/bank/{late.pk}/").content.decode()
    assert "A statement before this one is missing" in body
    assert "€50.00" in body
    counts = []
    for day in (5, 8):
        imported(account, told("900", "1", day=day))
        office.get("/payments/bank/")
        with CaptureQueriesContext(connection) as queries:
            listing = office.get("/payments/bank/").content.decode()
        counts.append(len(queries))
        assert "Gap before it" in listing
    assert counts[0] == counts[1]
