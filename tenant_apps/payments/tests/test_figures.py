"""Figures of the cashier: the database's answers against the same counted by hand, in a fixed number of queries."""

from __future__ import annotations

import statistics
from datetime import timedelta
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
from tenant_apps.payments import figures
from tenant_apps.payments.models import Deposit, DepositState

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
    assert (euro.total, euro.cost, euro.fees) == (Money(30_000, "EUR"), Money(410, "EUR"), Money(100, "EUR"))
    assert (euro.median, dollar.total) == (pytest.approx(10, abs=0.5), Money(7000, "USD"))
    rows = {(row.name, row.currency): row for row in figures.by_dimension(actor, period, "provider")}
    assert (rows["One", "EUR"].cost.minor, rows["Two", "EUR"].cost.minor, rows["Two", "EUR"].approval) == (360, 50, 0.5)
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
def test_the_page_and_its_export(tenant: Any, language: str, by: str) -> None:
    account = make_account(name="=Bank")
    deposit(account, make_client(), "credited", cost_minor=150)
    web = officer(tenant, "payments.view", "payments.export")
    web.cookies["language"] = language
    assert web.get(f"/payments/figures/?by={by}&days=7&currency=EUR").status_code == 200
    body = web.get(f"/payments/figures/export/?by={by}").content.decode()
    assert "100.00" in body
    assert "1.50" in body
    assert "\n=Bank" not in body
    assert officer(tenant, "payments.view").get("/payments/figures/export/").status_code == 403


def test_who_sees_only_their_own_clients_counts_only_those(tenant: Any) -> None:
    account, person = make_account(), staff("payments.view", reach=Reach.OWN)
    deposit(account, make_client(owner_id=person.id), "credited")
    deposit(account, make_client(), "credited")
    assert [row.started for row in figures.by_currency(*month(person))] == [1]
