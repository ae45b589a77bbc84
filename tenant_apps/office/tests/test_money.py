"""The money inbox as a page: decide one after the other, hear who was faster, see and export what one may."""

from __future__ import annotations

import csv
import io
import json
import re
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
from kernel.live.publish import channel
from kernel.models import AuditEntry
from kernel.money import Money
from kernel.redis import client
from kernel.ui.exports import csv_pieces, xlsx_pieces
from tenant_apps.accounts.models import User
from tenant_apps.clients.models import Client
from tenant_apps.leads.models import SavedView
from tenant_apps.office.money import MANAGING, RIGHTS
from tenant_apps.payments.models import Withdrawal, WithdrawalState
from tenant_apps.payments.services.withdrawals import withdrawal_approve
from tenant_apps.payments.tests.support import make_client, make_destination, staff
from tenant_apps.payments.tests.test_chain import checked
from tenant_apps.payments.tests.test_pages import deposit_of, officer, seen_on
from tenant_apps.payments.tests.test_withdrawals import funded, requested
from tenant_apps.wallets.worklist import registry

ALL = (
    "payments.view", "payments.export", "payments.deposit.manage", "payments.withdrawal.propose",
    "payments.withdrawal.approve", "payments.destination.verify", "wallets.view", "clients.view",
)  # fmt: skip
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "div#money"}
STAND = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "div#money-stand"}


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
    assert (">Withdrawal · <bdi" in shown) == (language == "en")  # one of them


def test_who_sees_neither_clients_nor_payments_learns_a_name_and_a_number(tenant: Any) -> None:
    manager = User.objects.create(realm="staff", email="mona@example.com", name="Mona Manager")
    person = make_client(tags=["vip"], country="AE", risk="high", owner_id=manager.pk)
    row = make_destination(person, state="new")
    there = f"/money/destination/{row.pk}/"
    closer = officer(tenant, "payments.destination.verify", "payments.view").get(there).content.decode()
    shown = officer(tenant, "payments.destination.verify").get(there, **STAND).content.decode()
    told = ("vip", "Mona Manager", "United Arab Emirates", "Identity", "High")
    assert [words in closer for words in told] == [True] * 5
    assert [words in shown for words in (person.name, str(person.number))] == [True, True]
    assert [words in shown for words in told] == [False] * 5


@pytest.mark.parametrize("asked", ["country=AE", "tag=vip", "level=0", "manager=none"])
def test_who_sees_neither_clients_nor_payments_finds_nothing_out_by_filtering(tenant: Any, asked: str) -> None:
    person = make_client(tags=["vip"], country="AE", kyc_state="none")
    make_destination(person, state="new")
    for rights, there in (
        (["payments.destination.verify", "payments.view"], True),
        (["payments.destination.verify"], False),
    ):
        page = officer(tenant, *rights).get(f"/money/?scope=all&kind=destination&{asked}").content.decode()
        assert (person.name in page) is there


def test_a_decision_shows_the_next_one_and_says_what_was_done(tenant: Any) -> None:
    first, second = promised(checked(funded()), 1), promised(checked(funded()), 2)
    web = officer(tenant, *ALL)
    answer = web.post(place(first, "approve"), seen_on(web, place(first)), **HTMX)
    assert answer.status_code == 200
    assert answer.headers["HX-Push-Url"] == f"{place(second)}?scope=mine"
    assert '"tone": "success"' in answer.headers["HX-Trigger"]
    assert f'data-focus-new="{second.pk}"' in answer.content.decode()
    first.refresh_from_db()
    assert first.state == WithdrawalState.SENDING


def test_without_a_script_it_works_by_redirects(tenant: Any) -> None:
    first, second = promised(checked(funded()), 1), promised(checked(funded()), 2)
    web = officer(tenant, *ALL)
    answer = web.post(place(first, "approve"), seen_on(web, place(first)))
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
    assert web.post(place(row, "approve"), seen_on(web, place(row)), **HTMX).status_code == 200  # the check
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
    assert costs[0][1] <= 29


@pytest.mark.parametrize(
    ("right", "kind"),
    [
        ("reconciliation.view", "case"),
        ("wallets.view", "adjustment"),
        ("bonuses.view", "bonus_scheme"),
        ("kyc.view", "funds"),
    ],
)
def test_whoever_has_one_right_over_money_reaches_their_kind_of_work_and_no_other(
    tenant: Any, right: str, kind: str
) -> None:
    row, web = checked(funded()), officer(tenant, right)
    page = web.get("/money/?scope=all")
    assert page.status_code == 200
    offered = set(
        re.findall(r'<option value="(\w+)"', page.text[page.text.index('name="kind"') :].split("</select>")[0])
    )
    assert kind in offered
    assert not offered & {"withdrawal", "deposit", "freeze"}
    assert row.reference not in page.text
    assert web.get(place(row)).status_code == 404
    assert 'href="/money/"' in web.get("/").text


def test_without_any_of_them_the_inbox_is_closed(tenant: Any) -> None:
    web = officer(tenant, "clients.view")
    assert web.get("/money/").status_code == 403
    assert 'href="/money/"' not in web.get("/").text


def test_every_kind_of_work_lets_in_at_the_inbox() -> None:
    assert {code for source in registry._sources.values() for code in registry.rights_of(source)} <= set(RIGHTS)


def test_who_manages_the_rules_tidies_up_what_others_shared_and_there_is_an_end_to_it(tenant: Any) -> None:
    web, colleague, manager = officer(tenant, *ALL), officer(tenant, *ALL), officer(tenant, *ALL, MANAGING)
    for name, shared in (("Mine", ""), *((f"Ours {number}", "1") for number in range(51))):
        web.post("/money/views/save/", {"name": name, "shared": shared, "query": "scope=all&kind=withdrawal"})
    assert SavedView.objects.filter(shared=True).count() == 50
    one, own = SavedView.objects.get(name="Ours 0"), SavedView.objects.get(name="Mine")
    address = f"/money/views/{one.pk}/delete/"
    assert [address in browser.get("/money/").text for browser in (colleague, manager)] == [False, True]
    assert colleague.post(address).status_code == 404
    assert manager.post(f"/money/views/{own.pk}/delete/").status_code == 404
    SavedView.objects.create(user_id=own.user_id, page="leads", name="Sales", query="", shared=True)
    sales = SavedView.objects.get(page="leads")
    assert manager.post(f"/money/views/{sales.pk}/delete/").status_code == 404
    assert manager.post(address).status_code == 302
    assert SavedView.objects.filter(pk=one.pk).count() == 0


def test_what_is_told_live_of_money_names_nothing(tenant: Any, django_capture_on_commit_callbacks: Any) -> None:
    """Staff who see their own clients only watch the same topic."""
    heard = client().pubsub(ignore_subscribe_messages=True)
    heard.subscribe(channel(tenant.id, "money"))
    heard.get_message(timeout=1)
    with django_capture_on_commit_callbacks(execute=True):
        row = requested(funded(), "10")
    told = [json.loads(message["data"]) for message in iter(lambda: heard.get_message(timeout=1), None)]
    heard.close()
    assert told
    assert [message["data"] for message in told] == [{}] * len(told)
    assert str(row.pk) not in json.dumps(told)
