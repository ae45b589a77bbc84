"""Reading a report in: whole or not at all, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.errors import Forbidden
from kernel.models import AuditEntry
from kernel.ui.exports import brokerage_zone
from tenant_apps.accounts.tests.support import log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.payments.permissions_list import VIEW
from tenant_apps.payments.tests.support import staff
from tenant_apps.reconciliation import tasks
from tenant_apps.reconciliation.errors import ReportRefused
from tenant_apps.reconciliation.models import Case, Report, ReportLine, ReportMapping, ReportState
from tenant_apps.reconciliation.reading.formats import format_get
from tenant_apps.reconciliation.reading.layout import Layout
from tenant_apps.reconciliation.services import reports
from tenant_apps.reconciliation.services.compare import account_compare

from .support import stored, stripe, stripe_file, stripe_line, table, take_in

OTHER = table(("Datum", "Vorgang", "Betrag", "Gebühr", "Typ", "Währung"), [
    ("31.01.2026 10:00", "TX1", "1.234,50", "12,30", "Zahlung", "EUR"),
    ("31.01.2026 11:00", "TX2", "20,00", "0,00", "Erstattung", "EUR"),
], delimiter=";")  # fmt: skip


def test_a_report_is_read_in_with_its_period_and_totals(tenant: Any) -> None:
    report = take_in(stripe(), stripe_file(stripe_line(gross="10.00", fee="0.50"), stripe_line("refund", "-3.00")))
    assert (report.state, report.lines_total, report.lines_new) == (ReportState.DONE, 2, 2)
    assert report.period_from is not None
    assert list(ReportLine.objects.order_by("number").values_list("kind", "amount_minor", "fee_minor")) == [
        ("charge", 1000, 50), ("refund", -300, 0),
    ]  # fmt: skip


def test_the_same_file_again_is_the_report_that_is_there(tenant: Any) -> None:
    account, data = stripe(), stripe_file(stripe_line(), stripe_line())
    first, second = take_in(account, data), take_in(account, data)
    assert first.pk == second.pk
    assert (Report.objects.count(), ReportLine.objects.count()) == (1, 2)


def test_a_row_that_another_file_brought_is_left_alone(tenant: Any) -> None:
    account, line, changed = stripe(), stripe_line(txn="txn_1"), stripe_line(txn="txn_2", gross="5.00")
    take_in(account, stripe_file(line, changed))
    again = take_in(account, stripe_file(line, stripe_line(txn="txn_2", gross="6.00"), stripe_line()))
    assert (again.lines_total, again.lines_new, again.lines_changed) == (3, 1, 1)
    assert ReportLine.objects.get(line_key="txn_2").amount_minor == 500
    case = Case.objects.get()
    assert (case.theirs_minor, case.ours_minor, [note.text for note in case.notes.all()]) == (600, 500, ["changed"])
    account_compare(account_id=account.pk)
    case.refresh_from_db()
    assert case.state == "open"
    assert take_in(stripe(), stripe_file(line)).lines_new == 1  # another account's facts are its own


def test_one_wrong_row_refuses_the_whole_file(tenant: Any) -> None:
    account = stripe()
    good = [stripe_line() for _ in range(2500)]
    report = take_in(account, stripe_file(*good, stripe_line(gross="ten")))
    assert (report.state, report.lines_new, ReportLine.objects.count()) == (ReportState.REFUSED, 0, 0)
    assert [(item["row"], item["column"], item["value"]) for item in reports.problems_of(report)] == [
        (2502, "gross", "ten")
    ]


def test_a_refused_file_may_be_read_with_another_layout(tenant: Any) -> None:
    account = stripe()
    wrong = Layout(columns={"at": ("Datum",), "amount": ("Betrag",), "currency": ("Währung",)}, default_kind="charge")
    refused = take_in(account, OTHER, layout=wrong)
    assert refused.state == ReportState.REFUSED
    right = Layout(
        columns={"at": ("Datum",), "amount": ("Betrag",), "currency": ("Währung",), "reference": ("Vorgang",),
                 "kind": ("Typ",), "fee": ("Gebühr",)},
        kinds={"zahlung": "charge", "erstattung": "refund"}, signed=False, dates=("%d.%m.%Y %H:%M",), zone="Europe/Berlin",
    )  # fmt: skip
    report = take_in(account, OTHER, layout=right)
    assert (report.pk, report.state) == (refused.pk, ReportState.DONE)
    assert list(ReportLine.objects.order_by("number").values_list("reference", "amount_minor", "fee_minor", "at__hour")) == [
        ("TX1", 123450, 1230, 9), ("TX2", -2000, 0, 10),
    ]  # fmt: skip


def test_a_preview_of_a_large_file_looks_at_its_beginning(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "LOOKED_AT", 2000)
    account, layout = stripe(), format_get("stripe").layout  # type: ignore[union-attr]
    data = stripe_file(*(stripe_line() for _ in range(2500)), stripe_line(gross="ten"))
    made = reports.report_preview(account, data, layout)
    assert (made.count, made.partial, made.good) == (2000, True, True)
    assert take_in(account, data).state == ReportState.REFUSED


def test_who_may_not_import_leaves_no_trace(tenant: Any) -> None:
    account, actor = stripe(), staff(VIEW)
    with pytest.raises(Forbidden):
        reports.report_take(
            actor=actor, account=account, stored=stored(stripe_file(stripe_line()), actor), code="stripe"
        )
    assert (Report.objects.count(), AuditEntry.objects.filter(action="reconciliation.report_taken").count()) == (0, 0)


def test_a_report_whose_task_was_lost_is_taken_up_by_the_sweep(tenant: Any) -> None:
    account, actor = stripe(), staff()
    row = reports.report_take(
        actor=actor, account=account, stored=stored(stripe_file(stripe_line()), actor), code="stripe"
    )
    tasks.sweep.run()
    tasks.sweep.run()
    row.refresh_from_db()
    assert (row.state, ReportLine.objects.count()) == (ReportState.DONE, 1)


def test_rows_cost_queries_by_the_thousand_not_each(tenant: Any) -> None:
    account, actor = stripe(), staff()
    counts = []
    for size in (10, 4000):
        data = stripe_file(*(stripe_line() for _ in range(size)))
        row = reports.report_take(actor=actor, account=account, stored=stored(data, actor), code="stripe")
        with CaptureQueriesContext(connection) as queries:
            reports.report_work(report_id=row.pk)
        counts.append(len(queries))
    assert counts[1] - counts[0] <= 12


def test_a_file_nobody_knows_is_refused_until_somebody_says_what_it_is(tenant: Any) -> None:
    account, actor = stripe(), staff()
    assert reports.layout_for(account, OTHER).layout is None
    with pytest.raises(ReportRefused):
        reports.report_take(actor=actor, account=account, stored=stored(OTHER, actor))
    with pytest.raises(ReportRefused):
        reports.layout_for(account, b"\x00\x01binary")


# --- the office


def _upload(office: Any, account: Any, data: bytes, name: str = "january.csv") -> str:
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = office.post(
        "/reconciliation/reports/new/", {"account": account.pk, "file": SimpleUploadedFile(name, data)}
    )
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def test_from_upload_to_the_lines(tenant: Any) -> None:
    account, office = stripe(), log_in(tenant, person("finance"))
    place = _upload(
        office, account, stripe_file(stripe_line(gross="12.00", fee="0.30"), stripe_line("payout", "-5.00"))
    )
    page = office.get(place)
    assert page.context["preview"].good
    assert "Stripe" in page.content.decode()
    assert ReportLine.objects.count() == 0
    answer = office.post(place, {"bank": ""})
    report = Report.objects.get()
    assert answer.headers["Location"] == f"/reconciliation/reports/{report.pk}/"
    page = office.get(answer.headers["Location"] + "?kind=payout")
    assert [line.amount_minor for line in page.context["table"].page.rows] == [-500]
    exported = b"".join(office.get(f"/reconciliation/reports/{report.pk}/export/").streaming_content).decode()
    assert len(exported.splitlines()) == 3
    at = ReportLine.objects.get(kind="payout").at.astimezone(brokerage_zone())
    assert at.isoformat(timespec="seconds") in exported
    book = office.get(f"/reconciliation/reports/{report.pk}/export/?format=xlsx")
    assert b"".join(book.streaming_content).startswith(b"PK")
    assert office.get("/reconciliation/reports/").status_code == 200


def test_the_wizard_guesses_shows_and_keeps(tenant: Any) -> None:
    account, office = stripe(), log_in(tenant, person("finance"))
    place = _upload(office, account, OTHER)
    page = office.get(place)
    assert not page.context["preview"].good  # nobody said yet how dates are written
    assert {field: value for field, _, value in page.context["columns"]}["amount"] == "Betrag"
    assert page.context["words"] == [("erstattung", "refund"), ("zahlung", "charge")]
    chosen = {
        "at": "Datum", "amount": "Betrag", "currency": "Währung", "fee": "Gebühr", "kind": "Typ", "reference": "Vorgang",
        "w": ["erstattung", "zahlung"], "k": ["refund", "charge"], "signed": "no", "date": "%d.%m.%Y %H:%M",
        "zone_name": "Europe/Berlin", "format": "",
    }  # fmt: skip
    from django.utils.http import urlencode

    place = f"{place}&{urlencode(chosen, doseq=True)}"
    page = office.get(place)
    assert page.context["preview"].good, page.context["preview"]
    office.post(place, {})
    assert list(ReportLine.objects.order_by("number").values_list("amount_minor", flat=True)) == [123450, -2000]
    assert ReportMapping.objects.get().header[0] == "Datum"
    again = OTHER + b"31.01.2026 12:00;TX3;1,00;0,00;Zahlung;EUR\r\n"
    page = office.get(_upload(office, account, again))
    assert page.context["preview"].good
    assert (page.context["preview"].count, page.context["preview"].known) == (3, 2)


def test_rows_that_cannot_be_read_are_shown_with_their_row(tenant: Any) -> None:
    account, office = stripe(), log_in(tenant, person("finance"))
    place = _upload(office, account, stripe_file(stripe_line(), stripe_line(gross="1.234")))
    page = office.get(place)
    assert [(error.number, error.code) for error in page.context["preview"].errors] == [(3, "decimals")]
    answer = office.post(place, {})
    assert "More decimals than the currency has" in office.get(answer.headers["Location"]).content.decode()
    assert ReportLine.objects.count() == 0


def test_another_persons_draft_is_not_there(tenant: Any) -> None:
    account = stripe()
    place = _upload(log_in(tenant, person("finance")), account, stripe_file(stripe_line()))
    assert log_in(tenant, person("finance")).get(place).status_code == 404
    assert log_in(tenant, person("support")).get("/reconciliation/reports/").status_code == 403
