"""The money inbox as a page: decide one after the other, hear who was faster, see and export what one may."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.actors import Reach
from kernel.models import AuditEntry
from kernel.money import Money
from kernel.ui.exports import csv_pieces, xlsx_pieces
from tenant_apps.accounts.models import User
from tenant_apps.clients.models import Client
from tenant_apps.leads.models import SavedView
from tenant_apps.payments.models import Withdrawal, WithdrawalState
from tenant_apps.payments.services.withdrawals import withdrawal_approve
from tenant_apps.payments.tests.support import make_client, staff
from tenant_apps.payments.tests.test_chain import checked
from tenant_apps.payments.tests.test_pages import deposit_of, officer
from tenant_apps.payments.tests.test_withdrawals import funded, requested

ALL = (
    "payments.view", "payments.export", "payments.deposit.manage", "payments.withdrawal.propose",
    "payments.withdrawal.approve", "payments.destination.verify", "wallets.view", "clients.view",
)  # fmt: skip
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "div#money"}


def promised(row: Withdrawal, hours: int) -> Withdrawal:
    Withdrawal.objects.filter(pk=row.pk).update(due_at=clock.now() + timedelta(hours=hours))
    return row


def place(row: Withdrawal, decision: str = "") -> str:
    return f"/money/withdrawal/{row.pk}/{decision}{'/' if decision else ''}"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_page_draws_with_a_client_beside_the_list(tenant: Any, language: str) -> None:
    person = funded(tags=["vip"])
    row = promised(checked(person), -1)
    web = officer(tenant, *ALL)
    web.cookies["language"] = language
    whole = web.get("/money/?scope=all").content.decode()
    assert f'href="/money/withdrawal/{row.pk}/?scope=all"' in whole
    shown = web.get(place(row)).content.decode()
    for words in (person.name, row.reference, "vip", f"/clients/{person.pk}/", f"{place(row, 'approve')}?scope=mine"):
        assert words in shown


def test_a_decision_shows_the_next_one_and_says_what_was_done(tenant: Any) -> None:
    first, second = promised(checked(funded()), 1), promised(checked(funded()), 2)
    answer = officer(tenant, *ALL).post(place(first, "approve"), **HTMX)
    assert answer.status_code == 200
    assert answer.headers["HX-Push-Url"] == f"{place(second)}?scope=mine"
    assert '"tone": "success"' in answer.headers["HX-Trigger"]
    assert f'data-focus-new="{second.pk}"' in answer.content.decode()
    first.refresh_from_db()
    assert first.state == WithdrawalState.SENDING


def test_without_a_script_it_works_by_redirects(tenant: Any) -> None:
    first, second = promised(checked(funded()), 1), promised(checked(funded()), 2)
    answer = officer(tenant, *ALL).post(place(first, "approve"))
    assert answer.headers["Location"] == f"{place(second)}?scope=mine"


def test_the_second_of_two_learns_who_was_first(tenant: Any) -> None:
    row = checked(funded())
    withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    web = officer(tenant, *ALL)
    answer = web.post(place(row, "reject"), {"reason": "terms"}, **HTMX)
    assert "Already decided by \\u2068Somebody\\u2069." in answer.headers["HX-Trigger"]
    row.refresh_from_db()
    assert row.state == WithdrawalState.SENDING
    stand = web.get(place(row), HTTP_HX_REQUEST="true", HTTP_HX_TARGET="div#money-stand").content.decode()
    assert "Already decided by <bdi>Somebody</bdi>." in stand
    assert "hx-post" not in stand


def test_a_refusal_of_the_service_leaves_it_where_it_was(tenant: Any) -> None:
    row = checked(funded())
    answer = officer(tenant, *ALL).post(place(row, "reject"), {"reason": "made up"}, **HTMX)
    assert "Choose a reason." in answer.headers["HX-Trigger"]
    assert answer.headers["HX-Push-Url"] == f"{place(row)}?scope=mine"
    row.refresh_from_db()
    assert row.state == WithdrawalState.CHECKED


def test_who_proposed_it_gets_no_button_and_no_way_around(tenant: Any) -> None:
    row, web = requested(funded()), officer(tenant, *ALL)
    assert web.post(place(row, "approve"), **HTMX).status_code == 200  # the check
    shown = web.get(place(row)).content.decode()
    assert place(row, "approve") not in shown
    answer = web.post(place(row, "approve"), **HTMX)
    assert "This is not for you to decide now." in answer.headers["HX-Trigger"]
    row.refresh_from_db()
    assert row.state == WithdrawalState.CHECKED


def test_another_agents_client_is_nowhere(tenant: Any) -> None:
    web = officer(tenant, *ALL, reach=Reach.OWN)
    me = User.objects.latest("created_at")
    mine, other = checked(funded(owner_id=me.pk)), checked(funded())
    shown = web.get("/money/?scope=all").content.decode()
    assert mine.reference in shown
    assert other.reference not in shown
    for path in (place(other), "/money/batch/" + str(other.pk) + "/", "/money/nonsense/" + str(other.pk) + "/"):
        assert web.get(path).status_code == 404
    assert web.post(place(other, "approve"), **HTMX).status_code == 404


def test_live_parts_come_without_the_page_around(tenant: Any) -> None:
    row, web = checked(funded()), officer(tenant, *ALL)
    for path, part in (("/money/", "money-list"), (place(row), "money"), (place(row), "money-stand")):
        text = web.get(path, HTTP_HX_REQUEST="true", HTTP_HX_TARGET=f"div#{part}").content.decode()
        assert "<html" not in text
        assert "Checked" in text


def test_views_are_kept_for_oneself_or_for_everybody(tenant: Any) -> None:
    web, colleague = officer(tenant, *ALL), officer(tenant, *ALL)
    for name, shared in (("Mine", ""), ("Ours", "1")):
        web.post("/money/views/save/", {"name": name, "shared": shared, "query": "scope=all&kind=withdrawal&junk=1"})
    assert set(SavedView.objects.values_list("page", "query")) == {("money", "scope=all&kind=withdrawal")}
    assert [name in colleague.get("/money/").content.decode() for name in ("Mine", "Ours")] == [False, True]
    ours = SavedView.objects.get(name="Ours")
    assert colleague.post(f"/money/views/{ours.pk}/delete/").status_code == 404
    assert web.post(f"/money/views/{ours.pk}/delete/").status_code == 302


def exported(web: Any, query: str = "scope=all") -> list[list[str]]:
    answer = web.get(f"/money/export/?{query}")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_an_export_holds_what_the_right_to_export_reaches(tenant: Any) -> None:
    row = requested(funded(), "12.50")
    Client.objects.filter(pk=row.client_id).update(first_name="=HYPERLINK(1)", last_name="")
    lines = exported(officer(tenant, *ALL))
    assert [len(lines), lines[1][2], lines[1][5], lines[1][6]] == [2, "'=HYPERLINK(1)", "12.50", "EUR"]
    assert AuditEntry.objects.filter(action="office.work_exported").count() == 1
    assert len(exported(officer(tenant, *ALL, reach=Reach.OWN))) == 1
    assert officer(tenant, "payments.view").get("/money/export/").status_code == 403


def cells_of(data: bytes) -> tuple[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/styles.xml").decode()


def test_a_spreadsheet_has_real_numbers_and_dates_and_no_formulas(tenant: Any) -> None:
    zone = ZoneInfo("Asia/Dubai")
    at = datetime(2026, 1, 31, 22, 30, tzinfo=ZoneInfo("UTC"))
    row = ["=1+1", "https://example.com", Money(12345, "KWD"), Money(-500, "JPY"), at, 7, None]
    sheet, styles = cells_of(b"".join(xlsx_pieces(["Head"] * 7, [row], zone)))
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert "<v>12.345</v>" in sheet
    assert "<v>-500</v>" in sheet
    days = Decimal((datetime(2026, 2, 1, 2, 30) - datetime(1899, 12, 30)).total_seconds()) / 86_400  # noqa: DTZ001
    assert f"<v>{days:.4f}"[:12] in sheet
    assert "#,##0.000" in styles
    assert "yyyy-mm-dd hh:mm" in styles
    line = b"".join(csv_pieces(["Head"], [row], zone)).decode().splitlines()[1]
    assert line == "'=1+1,https://example.com,12.345,-500,2026-02-01T02:30:00+04:00,7,"


def test_a_spreadsheet_is_answered(tenant: Any) -> None:
    requested(funded(), "12.50")
    answer = officer(tenant, *ALL).get("/money/export/?scope=all&format=xlsx")
    assert answer["Content-Disposition"].endswith('.xlsx"')
    assert "<v>12.50</v>" in cells_of(b"".join(answer.streaming_content))[0]


def test_the_page_costs_the_same_however_much_waits(tenant: Any) -> None:
    web, costs = officer(tenant, *ALL), []
    web.get("/money/")  # what is remembered from the first request on
    for more in (1, 6):
        for _ in range(more):
            row = requested(funded(), "10")
            deposit_of(make_client(), attention="late")
        with CaptureQueriesContext(connection) as listing:
            assert web.get("/money/?scope=all").status_code == 200
        with CaptureQueriesContext(connection) as item:
            assert web.get(place(row)).status_code == 200
        costs.append((len(listing), len(item)))
    assert costs[0] == costs[1]
    assert costs[0][0] <= 12
    assert costs[0][1] <= 27
