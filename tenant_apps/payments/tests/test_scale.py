"""What the money inbox asks stays answered from an index, however many payments there have been."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from kernel.actors import Reach
from kernel.ids import uuid7
from tenant_apps.payments import selectors
from tenant_apps.payments.models import BankLine, ProviderAccount
from tenant_apps.payments.office.tables import DEPOSITS, WITHDRAWALS
from tenant_apps.payments.permissions_list import PROPOSE, VIEW
from tenant_apps.payments.services import matching, parts, suspense
from tenant_apps.payments.services.bank import statement_read

from .support import staff
from .test_bank import account, announced, back, document, entry, wired
from .test_withdrawals import funded, requested

__all__ = ["account"]  # the fixture


@pytest.fixture
def no_scans(tenant: Any) -> None:
    """With a handful of rows reading all of them is cheapest; here the planner may do so only if nothing else works."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")


def plan_of(rows: QuerySet[Any]) -> str:
    return rows.explain()


def plans_of(asked: CaptureQueriesContext) -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            found.append("\n".join(row[0] for row in cursor.fetchall()))
    return found


@pytest.mark.parametrize("descending", ["-created", "created"])
def test_the_newest_and_the_oldest_payments_are_the_ends_of_an_index(no_scans: None, descending: str) -> None:
    query = RequestFactory().get("/", {"sort": descending}).GET
    actor = staff(VIEW)
    deposits = DEPOSITS.ordered(selectors.deposits_visible(actor).select_related(None), query)[:40]
    withdrawals = WITHDRAWALS.ordered(selectors.withdrawals_visible(actor).select_related(None), query)[:40]
    assert "payments_deposit_newest" in plan_of(deposits)
    assert "payments_withdrawal_newest" in plan_of(withdrawals)
    assert "Sort" not in plan_of(deposits) + plan_of(withdrawals)


def test_the_figures_of_a_day_read_that_day_only(no_scans: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        selectors.day_figures(staff(VIEW))
    out, came = plans_of(asked)
    assert "payments_deposit_closed" in came
    # Of a handful of withdrawals the planner takes any index that knows a condition; by its figures, that of the time.
    assert "Seq Scan" not in out
    assert "Index Cond" in out


def test_what_waits_for_somebody_is_found_without_a_list_of_all_withdrawals(tenant: Any) -> None:
    """A right that reaches all is no condition at all, instead of one that asks for each id among all ids."""
    assert '"payments_withdrawal"."id" IN (SELECT' not in str(selectors.waiting_for(staff()).query)


def test_what_waits_is_what_the_right_reaches(tenant: Any) -> None:
    mine, other = uuid7(), uuid7()
    asked = {owner: requested(funded(owner_id=owner)).pk for owner in (mine, other)}
    reached = {
        reach: set(selectors.waiting_for(staff(VIEW, PROPOSE, reach=reach, staff_id=mine)).values_list("pk", flat=True))
        for reach in (Reach.ALL, Reach.OWN)
    }
    assert reached == {Reach.ALL: set(asked.values()), Reach.OWN: {asked[mine]}}
    assert not selectors.waiting_for(staff(VIEW)).exists()


def test_a_long_statement_is_matched_with_the_questions_of_a_short_one(account: ProviderAccount) -> None:
    row = wired(account)
    known, other = announced(account, "250", row.client), announced(account)
    asked, found = [], []
    for count in (1, 8):
        lines = [
            line
            for n in range(count)
            for line in (
                entry("250", "for trading", bank_reference=f"A{n}"),
                entry("500", other.reference, bank_reference=f"B{n}"),
                entry("-200", row.reference, bank_reference=f"C{n}"),
                back(row, bank_reference=f"D{n}"),
                entry("7", "of nobody", iban="GB82WEST12345698765432", bank_reference=f"E{n}"),
            )
        ]
        (statement,) = statement_read(document(*lines, number=2))
        with CaptureQueriesContext(connection) as queries:
            matches = matching.statement_preview(account, statement)
        asked.append(len(queries))
        found.append([(match.deposit, match.part, match.sure, match.reasons) for match in matches])
    part = row.parts.get()
    assert found[0] == [
        (known, None, True, ("iban", "amount", "name")),
        (other, None, True, ("reference", "amount", "name")),
        (None, part, True, ("reference", "amount")),
        (None, part, True, ("returned", "reference", "amount")),
        (None, None, False, ("none",)),
    ]
    assert found[1][:5] == found[0]
    assert asked == [7, 7]


def test_who_paid_from_an_account_before_is_found_by_the_account(account: ProviderAccount, no_scans: None) -> None:
    (statement,) = statement_read(document(entry("5", "of nobody")))
    with CaptureQueriesContext(connection) as asked:
        matching.statement_preview(account, statement)
    assert any("payments_line_payer" in plan for plan in plans_of(asked))
    assert not BankLine.objects.exists()


def test_the_parts_to_ask_about_are_found_without_a_list_of_all_parts_or_commands(no_scans: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert parts.parts_to_ask() == []
    silent, doubted, news = plans_of(asked)
    assert "payments_part_sending" in silent
    assert "payments_part_doubted" in doubted
    assert "payments_part_ask_wanted" in news
    assert "Seq Scan" not in silent + doubted + news
    assert "SubPlan" not in silent


def test_what_was_kept_of_no_payment_is_not_looked_for_among_all_deposits(
    no_scans: None, account: ProviderAccount
) -> None:
    deposit = announced(account)
    with CaptureQueriesContext(connection) as asked:
        assert suspense.credited_as(deposit) == []
    (plan,) = plans_of(asked)
    assert "on payments_suspense" in plan
    assert "on payments_deposit" not in plan
    assert "Seq Scan" not in plan


def test_the_news_of_a_deposit_is_found_without_reading_all_messages(no_scans: None, account: ProviderAccount) -> None:
    deposit = announced(account)
    with CaptureQueriesContext(connection) as asked:
        assert selectors.news_of(deposit) == []
    plan = plans_of(asked)[-1]
    assert "kernel_inbox_unnamed" in plan
    assert "kernel_inbox_about" in plan
    assert "Seq Scan" not in plan
