"""Statements add up at any instant, in the client's language and zone, on screen, as CSV and on paper."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actors import Reach
from kernel.errors import Invalid
from kernel.models import AuditEntry
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.clients.reading import zone_of
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.tests.test_pages import officer, trader
from tenant_apps.wallets.statements import Period, balances_of, books_at, moment_of, period_of, statement_of

from .support import give, make_client

DAY = datetime(2026, 5, 4, tzinfo=UTC)
RIGHTS = ("wallets.view", "clients.view", "ledger.view")


def at(hours: float) -> time_machine.travel:
    return time_machine.travel(DAY + timedelta(hours=hours), tick=False)


def deposits(client: Client, *hours: float) -> None:
    """One euro more each time."""
    for number, hour in enumerate(hours, start=1):
        with at(hour):
            give(client, str(number))


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    moments=st.lists(st.integers(0, 48), min_size=1, max_size=6).map(sorted),
    start=st.integers(-2, 50), length=st.integers(1, 50),
)  # fmt: skip
def test_opening_and_lines_make_the_closing_at_any_instants(
    tenant: Any, moments: list[int], start: int, length: int
) -> None:
    client = make_client()
    deposits(client, *moments)
    period = Period(DAY + timedelta(hours=start), DAY + timedelta(hours=start + length))
    found = statement_of(client, "EUR", period)
    assert found is not None
    lines = list(found.lines())
    inside = [n for n, hour in enumerate(moments, start=1) if start <= hour < start + length]
    assert [line.amount for line in lines] == [Money(n * 100, "EUR") for n in inside]
    assert found.opening.minor + sum(line.amount.minor for line in lines) == found.closing.minor
    assert (lines[-1].balance if lines else found.opening) == found.closing
    after = statement_of(client, "EUR", Period(period.end, period.end + timedelta(days=9)))
    assert after is not None
    assert after.opening == found.closing


def test_a_period_is_meant_in_the_clients_zone(tenant: Any) -> None:
    client = make_client(time_zone="Asia/Dubai")
    zone = zone_of(client)
    assert zone == ZoneInfo("Asia/Dubai")
    period = period_of({"from": "2026-05-04", "to": "2026-05-04"}, zone)
    assert period == Period(DAY - timedelta(hours=4), DAY + timedelta(hours=20))
    assert moment_of("2026-05-04T12:30", zone, "at") == DAY + timedelta(hours=8.5)
    with at(50):
        assert period_of({}, zone).start == datetime(2026, 4, 30, 20, tzinfo=UTC)
    for wanted in ({"from": "tomorrow"}, {"from": "2026-05-05", "to": "2026-05-04"}, {"to": "2026-99-99"}):
        with pytest.raises(Invalid):
            period_of(wanted, zone)


def test_summer_time_makes_a_day_of_twenty_three_hours(tenant: Any) -> None:
    period = period_of({"from": "2026-03-29", "to": "2026-03-29"}, ZoneInfo("Europe/Berlin"))
    assert period.end - period.start == timedelta(hours=23)


def test_all_wallets_at_an_instant(tenant: Any) -> None:
    client = make_client()
    with at(0):
        give(client, "5", "USD")
    with at(2):
        give(client, "7", "KWD")
    assert balances_of(client, DAY + timedelta(hours=1)) == [Money(500, "USD")]
    assert balances_of(client, DAY + timedelta(hours=2)) == [Money(7_000, "KWD"), Money(500, "USD")]
    assert balances_of(client, DAY - timedelta(hours=1)) == []


def test_the_trial_balance_of_an_instant(tenant: Any) -> None:
    client = make_client()
    deposits(client, 0, 10)
    then = {(owner, kind): minor for owner, kind, _, minor in ledger.trial_balance(DAY + timedelta(hours=5))}
    assert then == {("clients", "wallet"): 100, ("house", "clearing:test"): -100}
    assert {minor for *_, minor in ledger.trial_balance()} == {300, -300}
    (book,) = books_at(DAY + timedelta(hours=10))
    assert (book.currency, book.difference, len(book.lines)) == ("EUR", Money(0, "EUR"), 2)
    assert books_at(DAY - timedelta(hours=1)) == []


def test_a_long_statement_is_read_in_chunks(tenant: Any, django_assert_num_queries: Any) -> None:
    client = make_client()
    deposits(client, *range(12))
    with django_assert_num_queries(5):  # the account, and two for each of the two balances
        found = statement_of(client, "EUR", Period(DAY, DAY + timedelta(days=1)))
    assert found is not None
    assert len(list(ledger.lines_between(found.account, DAY, DAY + timedelta(days=1), chunk=5))) == 12
    with django_assert_num_queries(3):
        list(found.lines())


def rows_of(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


PERIOD = "?from=2026-05-04&to=2026-05-05"


def test_the_csv_says_it_in_the_clients_language_and_zone(tenant: Any) -> None:
    client = make_client(language="ar", time_zone="Asia/Dubai")
    deposits(client, 0, 30)
    answer = officer(tenant, *RIGHTS).get(f"/wallets/{client.pk}/EUR/period/csv/{PERIOD}")
    head, opening, first, second, closing = rows_of(answer)
    assert opening[0] == "2026-05-04T00:00:00+04:00"
    assert first[0] == "2026-05-04T04:00:00+04:00"
    assert (first[3:], second[3:]) == (["1.00", "1.00", "EUR"], ["2.00", "3.00", "EUR"])
    assert (opening[4], closing[4]) == ("0.00", "3.00")
    assert len(head) == 6
    assert AuditEntry.objects.get(action="wallets.statement_exported").subject == str(client.pk)


def test_pages_of_the_portal_show_ones_own_and_nothing_else(tenant: Any) -> None:
    client, other = make_client(), make_client()
    deposits(client, 0, 30)
    give(other, "999", "USD")
    web = trader(tenant, client)
    page = web.get(f"/wallets/EUR/statement/{PERIOD}").content.decode()
    assert "3.00" in page
    assert web.get("/wallets/EUR/statement/?from=nonsense").status_code == 200
    assert web.get("/wallets/USD/statement/").status_code == 404
    assert web.get("/wallets/USD/statement/csv/").status_code == 404
    assert len(rows_of(web.get(f"/wallets/EUR/statement/csv/{PERIOD}"))) == 5
    assert web.get("/wallets/EUR/statement/csv/?from=nonsense").status_code == 422
    assert "3.00" in web.get("/wallets/balances/?at=2026-05-06").content.decode()
    assert "3.00" not in web.get("/wallets/balances/?at=2026-05-04").content.decode()


def test_the_office_shows_what_its_reader_reaches(tenant: Any) -> None:
    client = make_client()
    deposits(client, 0, 30)
    places = [
        f"/wallets/{client.pk}/EUR/period/",
        f"/wallets/{client.pk}/EUR/period/csv/",
        f"/wallets/{client.pk}/balances/",
    ]
    everybody, own = officer(tenant, *RIGHTS), officer(tenant, *RIGHTS, reach=Reach.OWN)
    for place in places:
        assert everybody.get(place).status_code == 200
        assert own.get(place).status_code == 404
        assert officer(tenant, "clients.view").get(place).status_code == 403


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_trial_balance_page_and_its_csv(tenant: Any, language: str) -> None:
    deposits(make_client(), 0, 30)
    web = officer(tenant, *RIGHTS)
    web.cookies["language"] = language
    assert "3.00" in web.get("/wallets/trial-balance/?at=2026-05-06").content.decode()
    rows = rows_of(web.get("/wallets/trial-balance/csv/?at=2026-05-04"))
    assert [(row[0], row[3]) for row in rows[1:]] == [("EUR", "1.00"), ("EUR", "-1.00"), ("EUR", "0.00")]
    assert web.get("/wallets/trial-balance/?at=x").status_code == 200
    assert officer(tenant, "wallets.view").get("/wallets/trial-balance/").status_code == 403


def texts(data: bytes) -> list[str]:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    return [page.get_textpage().get_text_range() for page in document]


@pytest.mark.parametrize("language", ["en", "de", "ar", "ru"])
def test_on_paper_it_has_head_lines_sums_and_page_numbers(tenant: Any, language: str) -> None:
    client = make_client(language=language, first_name="Layla", last_name="Haddad")
    deposits(client, *(number / 10 for number in range(60)))
    answer = officer(tenant, *RIGHTS).get(f"/wallets/{client.pk}/EUR/period/pdf/{PERIOD}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    pages = texts(answer.content)
    assert len(pages) > 1
    assert f"2 / {len(pages)}" in pages[1]
    assert str(client.number) in pages[0]
    closing = {"de": "1.830,00", "ru": "1\u00a0830,00"}.get(language, "1,830.00")
    assert closing in pages[-1]


def test_more_lines_than_fit_on_paper_are_refused(tenant: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tenant_apps.wallets.paper.MOST_LINES", 2)
    client = make_client()
    deposits(client, 1, 2, 3)
    answer = trader(tenant, client).get(f"/wallets/EUR/statement/pdf/{PERIOD}")
    assert (answer.status_code, b"CSV" in answer.content) == (422, True)


def test_paper_that_fails_is_told_and_nothing_is_audited(tenant: Any, monkeypatch: Any) -> None:
    client = make_client()
    give(client, "1")
    monkeypatch.setattr("kernel.paper.SECONDS", 0.001)
    assert trader(tenant, client).get("/wallets/EUR/statement/pdf/").status_code == 422
    assert officer(tenant, *RIGHTS).get(f"/wallets/{client.pk}/EUR/period/pdf/").status_code == 422
    assert not AuditEntry.objects.filter(action="wallets.statement_exported").exists()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_all_wallets_on_paper(tenant: Any, language: str) -> None:
    client = make_client(language=language)
    give(client, "12.50", "USD")
    answer = officer(tenant, *RIGHTS).get(f"/wallets/{client.pk}/balances/pdf/")
    assert answer.status_code == 200
    assert "12.50" in texts(answer.content)[0]
