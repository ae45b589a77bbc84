"""Figures of the cashier: the database's answers against the same counted by hand, in a fixed number of queries."""

from __future__ import annotations

import statistics
import zipfile
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.actors import Actor, Reach
from kernel.ids import uuid7
from kernel.money import Money
from tenant_apps.payments import figures, payout_figures
from tenant_apps.payments.models import Deposit, DepositState, PartState, Withdrawal, WithdrawalPart, WithdrawalState

from .support import make_account, make_client, staff
from .test_pages import officer


def deposit(account: Any, client: Any, state: str, **values: Any) -> Deposit:
    now = values.pop("at", clock.now())
    row: dict[str, Any] = {"currency": "EUR", "amount_minor": 10_000, "method": "card", "created_at": now, **values}
    if state == "credited":
        row = {"received_minor": row["amount_minor"], "credited_at": now, "pending_at": now, **row}
    return Deposit.objects.create(
        client=client, provider_account=account, reference=uuid7().hex[-12:], state=state, **row
    )


def month(actor: Actor | None = None) -> tuple[Actor, figures.Period]:
    return actor or staff("payments.view"), figures.period_of("30", "", "")


def test_what_comes_through_and_what_it_costs(tenant: Any) -> None:
    one, two = make_account(name="One"), make_account(name="Two")
    client, now = make_client(), clock.now()
    deposit(one, client, "credited", cost_minor=150, fee_minor=100, pending_at=now - timedelta(seconds=10))
    deposit(one, client, "credited", cost_minor=150, provider_fee_minor=210, provider_fee_currency="EUR",
            pending_at=now - timedelta(seconds=30))  # fmt: skip
    deposit(two, client, "credited", cost_minor=50, provider_fee_minor=99, provider_fee_currency="USD")
    deposit(two, client, "failed", failure="insufficient_funds")
    deposit(two, client, "failed", failure="cancelled")
    deposit(two, client, "expired")
    deposit(two, client, "pending")
    deposit(two, client, "credited", currency="USD", amount_minor=7000, credited_at=now, pending_at=now)
    actor, period = month()
    euro, dollar = figures.by_currency(actor, period)
    assert (euro.started, euro.credited, euro.declined, euro.left, euro.approval) == (7, 3, 1, 2, 0.75)
    assert (euro.total, euro.fees) == (Money(30_000, "EUR"), Money(100, "EUR"))
    # Told 2.10, estimated 1.50; and 0.99 dollars, which no estimate stands in for.
    assert (euro.cost, euro.estimated, euro.others) == (Money(360, "EUR"), Money(150, "EUR"), (Money(99, "USD"),))
    assert (euro.cost_share, dollar.cost_share) == (None, 0)
    assert (euro.median, dollar.total) == (pytest.approx(10, abs=0.5), Money(7000, "USD"))
    rows = {(row.name, row.currency): row for row in figures.by_dimension(actor, period, "provider")}
    assert (rows["One", "EUR"].cost.minor, rows["Two", "EUR"].cost.minor, rows["Two", "EUR"].approval) == (360, 0, 0.5)
    assert (rows["One", "EUR"].others, rows["Two", "EUR"].others) == ((), (Money(99, "USD"),))
    assert [(row.code, row.count, row.share) for row in figures.reasons(actor, period)] == [
        ("insufficient_funds", 1, 1)
    ]
    assert [row.currency for row in figures.by_currency(actor, period, "USD")] == ["USD"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_percentiles_are_those_of_the_list(tenant: Any, seconds: list[int]) -> None:
    Deposit.objects.all().delete()
    account, client, now = make_account(), make_client(), clock.now()
    for count in seconds:
        deposit(account, client, "credited", at=now, pending_at=now - timedelta(seconds=count))
    (row,) = figures.by_currency(*month())
    assert row.median == pytest.approx(statistics.median(seconds))
    place = 0.95 * (len(seconds) - 1)
    ordered = sorted(seconds)
    low, high = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    assert row.p95 == pytest.approx(low + (high - low) * (place - int(place)))


def test_a_period_is_whole_days_of_the_brokerage(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, date, datetime
    from zoneinfo import ZoneInfo

    monkeypatch.setattr(figures, "brokerage_zone", lambda: ZoneInfo("Asia/Almaty"))
    account, client = make_account(), make_client()
    for hour in (18, 19):  # UTC; midnight in Almaty is at 19
        deposit(account, client, "pending", at=datetime(2026, 3, 1, hour, tzinfo=UTC))
    found = figures.by_currency(staff("payments.view"), figures.period_of("", "2026-03-02", "2026-03-02"))
    assert [row.started for row in found] == [1]
    assert figures.period_of("", "2026-03-02", "2026-02-01").days == 30  # makes no sense
    assert figures.period_of("7", "nonsense", "").days == 7
    assert figures.period_of("", "2026-03-01", "2026-03-02") == figures.Period(date(2026, 3, 1), date(2026, 3, 2))


def part(
    account: Any, client: Any, state: str = PartState.PAID, *, method: str = "wire", **values: Any
) -> WithdrawalPart:
    """Of a withdrawal asked for `asked` seconds before it was paid, and approved `approved` seconds before."""
    now, asked, approved = clock.now(), values.pop("asked", 3600), values.pop("approved", 60)
    row = Withdrawal.objects.create(
        client=client, reference=uuid7().hex[-12:], amount_minor=10_000, currency="EUR", method=method,
        state=WithdrawalState.PAID, created_at=now - timedelta(seconds=asked),
        approved_at=now - timedelta(seconds=approved),
    )  # fmt: skip
    fields: dict[str, Any] = {"amount_minor": 10_000, "currency": "EUR", "closed_at": now, **values}
    return WithdrawalPart.objects.create(withdrawal=row, provider_account=account, state=state, **fields)


def test_what_is_paid_out_how_fast_and_at_what_cost(tenant: Any) -> None:
    one, two = make_account("paypal", name="One"), make_account("bank_wire", name="Two")
    german, french = make_client(country="DE"), make_client(country="FR")
    told = {"provider_fee_minor": 120, "provider_fee_currency": "EUR"}
    part(one, german, method="paypal", asked=100, approved=10, **told)
    part(one, french, method="paypal", asked=300, approved=30, provider_fee_minor=90, provider_fee_currency="USD")
    part(two, french, asked=1000, approved=500)
    part(two, german, PartState.FAILED, provider_fee_minor=7, provider_fee_currency="EUR")
    part(two, german, PartState.SENDING, closed_at=None)
    part(two, german, PartState.DROPPED)
    source = deposit(one, german, "credited", method="card")
    part(one, german, method="wire", deposit=source, currency="USD", amount_minor=500)
    actor, period = month()
    euro, dollar = payout_figures.by_currency(actor, period)
    assert (euro.started, euro.paid, euro.failed, euro.total) == (5, 3, 1, Money(30_000, "EUR"))
    assert (euro.cost, euro.others, euro.untold) == (Money(120, "EUR"), (Money(90, "USD"),), 1)
    assert (euro.cost_share, dollar.cost_share, dollar.untold) == (None, 0, 1)
    assert (euro.median, euro.provider_median) == (pytest.approx(300, abs=2), pytest.approx(30, abs=2))
    assert euro.p95 == pytest.approx(300 + 0.9 * 700, abs=3)

    def by(dimension: str) -> dict[str, int]:
        found = payout_figures.by_dimension(actor, period, dimension, "EUR")
        assert payout_figures.by_dimension(actor, period, dimension, "JPY") == []
        return {row.name: row.paid for row in found}

    assert by("provider") == {"One": 2, "Two": 1}
    assert by("method") == {"paypal": 2, "wire": 1}
    assert by("country") == {"DE": 1, "FR": 2}
    (back,) = payout_figures.by_dimension(actor, period, "method", "USD")
    assert back.name == "card"  # back to its source, not by the way asked for


def test_who_sees_only_their_own_clients_counts_only_what_those_are_paid(tenant: Any) -> None:
    account, person = make_account("bank_wire"), staff("payments.view", reach=Reach.OWN)
    part(account, make_client(owner_id=person.id))
    part(account, make_client())
    assert [row.paid for row in payout_figures.by_currency(*month(person))] == [1]


def test_the_queries_of_payouts_do_not_grow_either(tenant: Any) -> None:
    web, account, counts = officer(tenant, "payments.view"), make_account("bank_wire"), []
    for size in (2, 12):
        for number in range(size):
            fee = {"provider_fee_minor": 1, "provider_fee_currency": ["EUR", "USD", "JPY"][number % 3]}
            part(account, make_client(country=["DE", "AT", "FR"][number % 3]), **fee)
        with CaptureQueriesContext(connection) as seen:
            assert web.get("/payments/figures/?way=out&by=country").status_code == 200
        counts.append(sum("payments_withdrawal_part" in query["sql"] for query in seen.captured_queries))
    assert counts[0] == counts[1] <= 5


def test_the_number_of_queries_does_not_grow(tenant: Any) -> None:
    web = officer(tenant, "payments.view", "payments.export")
    account = make_account()
    counts = []
    for size in (2, 12):
        for number in range(size):
            client = make_client(country=["DE", "AT", "FR"][number % 3])
            deposit(account, client, DepositState.CREDITED, method=["card", "klarna", "eps"][number % 3])
            deposit(account, client, DepositState.FAILED, failure=["declined", "fraud"][number % 2])
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert web.get("/payments/figures/?by=country").status_code == 200
        counts.append(sum("payments_deposit" in query["sql"] for query in seen.captured_queries))
    assert counts[0] == counts[1] <= 9


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("by", ["provider", "method", "country", "nonsense"])
@pytest.mark.parametrize("way", ["in", "out"])
def test_the_page_and_its_export(tenant: Any, language: str, by: str, way: str) -> None:
    account = make_account(name="=Bank")
    deposit(account, make_client(), "credited", cost_minor=150)
    deposit(account, make_client(), "credited", provider_fee_minor=199, provider_fee_currency="USD")
    part(account, make_client(), provider_fee_minor=175, provider_fee_currency="EUR")
    part(account, make_client(), provider_fee_minor=199, provider_fee_currency="USD")
    part(account, make_client())
    web = officer(tenant, "payments.view", "payments.export")
    web.cookies["language"] = language
    shown = web.get(f"/payments/figures/?by={by}&days=7&currency=EUR&way={way}")
    assert shown.status_code == 200
    if language == "en":
        text = shown.content.decode()
        assert ("estimated by the rules" in text) is (way == "in")
        assert "told in that currency" in text
        assert ("of 1 payment nothing was told" in text) is (way == "out")
    body = web.get(f"/payments/figures/export/?by={by}&way={way}").getvalue().decode()
    assert "USD" in body
    assert "1.99" in body
    assert ("1.50" if way == "in" else "1.75") in body
    assert "\n=Bank" not in body
    assert officer(tenant, "payments.view").get("/payments/figures/export/").status_code == 403


@pytest.mark.parametrize("way", ["in", "out"])
def test_the_export_as_a_workbook(tenant: Any, way: str) -> None:
    account = make_account(name="=Bank")
    deposit(account, make_client(), "credited", cost_minor=150)
    part(account, make_client(), provider_fee_minor=150, provider_fee_currency="EUR")
    answer = officer(tenant, "payments.view", "payments.export").get(
        f"/payments/figures/export/?way={way}&format=xlsx"
    )  # fmt: skip
    assert f"cashier-{way}-provider" in answer["Content-Disposition"]
    with zipfile.ZipFile(BytesIO(answer.getvalue())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert ">=Bank</t>" in sheet
    assert "<f>" not in sheet
    assert "<v>1.5" in sheet
    assert ("Of it estimated by the rules" in sheet) is (way == "in")


def test_who_sees_only_their_own_clients_counts_only_those(tenant: Any) -> None:
    account, person = make_account(), staff("payments.view", reach=Reach.OWN)
    deposit(account, make_client(owner_id=person.id), "credited")
    deposit(account, make_client(), "credited")
    assert [row.started for row in figures.by_currency(*month(person))] == [1]
