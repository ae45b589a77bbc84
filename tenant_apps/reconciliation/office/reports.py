"""Providers' reports: upload, look, say what the columns mean, read in; then line by line."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kernel import audit, files
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.models import StoredFile
from kernel.pages import page
from kernel.tasks import enqueue
from kernel.ui.exports import download
from kernel.ui.forms import UiForm, UploadInput
from kernel.ui.tables import build_table
from tenant_apps.payments.models import ProviderAccount

from .. import selectors
from ..kinds import LineKind, LineState
from ..models import Report, ReportMapping, ReportState
from ..permissions_list import IMPORT
from ..reading.formats import FORMATS, format_get
from ..reading.layout import Layout
from ..services import reports as service
from ..services.compare import account_compare, deposits_only_with_us, parts_only_with_us
from ..tasks import compare, report_read
from .tables import LINES, export_rows
from .wizard import form_context, mapping_from

AT_ONCE = 200_000  # bytes, some thousand rows; larger files are read by a worker
LARGEST = 32_000_000
SHOWN = 30  # of what only we know of


class ReportForm(UiForm, forms.Form):
    file = forms.FileField(
        label=pgettext_lazy("reconciliation", "CSV file"),
        widget=UploadInput(accept=".csv,.txt,.tsv,text/csv", max_bytes=LARGEST),
    )


@guard("reconciliation.view")
@require_GET
def index(request: Any) -> HttpResponse:
    context = {
        "rows": selectors.reports()[:60],
        "accounts": selectors.accounts(),
        "form": ReportForm(),
        "may_import": request.actor.may(IMPORT),
        "known": list({item.code: item for item in FORMATS}.values()),
        "tab": "reports",
    }
    template = "reconciliation/reports.html#rows" if request.htmx else "reconciliation/reports.html"
    return page(request, template, context, live=[service.TOPIC])


@guard("reconciliation.import")
@require_http_methods(["GET", "POST"])
def new(request: Any) -> HttpResponse:
    """Post a file: it is kept as a draft and shown. The page of a draft: what it holds, row by row; posted, it is read in."""
    if request.method == "POST" and request.GET.get("draft"):
        return _import(request)
    if request.method == "POST":
        return _upload(request)
    if request.GET.get("draft"):
        return _preview(request)
    return redirect("reconciliation:reports")


def _upload(request: Any) -> HttpResponse:
    account = selectors.account_get(request.POST.get("account", ""))
    form = ReportForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, pgettext("reconciliation", "Choose a file first."))
        return redirect("reconciliation:reports")
    upload = form.cleaned_data["file"]
    data = upload.read()
    try:
        service.layout_for(account, data)
    except AppError as error:
        messages.error(request, str(error))
        return redirect("reconciliation:reports")
    stored = files.save(data, kind=service.FILE, name=upload.name, content_type="text/csv", subject=request.actor.id)
    return redirect(
        f"{reverse('reconciliation:report-new')}?{urlencode({'account': str(account.pk), 'draft': str(stored.pk)})}"
    )


def _draft(request: Any) -> tuple[ProviderAccount, StoredFile]:
    """The account and a file this very person uploaded."""
    account = selectors.account_get(request.GET.get("account", ""))
    try:
        wanted = UUID(request.GET["draft"])
    except ValueError:
        raise NotFound from None
    stored = StoredFile.objects.filter(pk=wanted, kind=service.FILE, subject=request.actor.id).first()
    if stored is None:
        raise NotFound
    return account, stored


def _chosen(request: Any, account: ProviderAccount, data: bytes) -> tuple[str, Layout | None, dict[str, Any]]:
    """How the file is to be read as the page stands: a format's code, or a mapping and its form."""
    reading = service.layout_for(account, data)
    asked = request.GET.get("format")
    if (asked is None and reading.code) or (asked and format_get(asked)):
        code = asked or reading.code
        return code, None, {"format": format_get(code), "header": reading.header}
    saved = reading.layout if not reading.code else None
    mapping = mapping_from(request.GET, reading.header, data, saved)
    return "", mapping.layout(), {**form_context(mapping, reading.header), "raw_header": reading.header, "saved": saved}


def _preview(request: Any) -> HttpResponse:
    account, stored = _draft(request)
    data = files.read(stored)
    try:
        code, layout, context = _chosen(request, account, data)
    except AppError as error:
        messages.error(request, str(error))
        return redirect("reconciliation:reports")
    found = format_get(code)
    bank = ReportMapping.objects.filter(provider_account=account).values_list("bank_account_id", flat=True).first()
    context |= {
        "account": account, "name": stored.name, "draft": stored.pk, "code": code, "tab": "reports",
        "preview": service.report_preview(account, data, found.layout if found else layout or Layout(columns={})),
        "banks": [(row.pk, row.name) for row in selectors.bank_accounts()], "bank": bank or "",
        "formats": [(item.code, item.label) for item in {item.code: item for item in FORMATS}.values()],
        "crumbs": [(pgettext("navigation", "Reconciliation"), reverse("reconciliation:desk"))],
    }  # fmt: skip
    return page(request, "reconciliation/report_new.html", context)


def _import(request: Any) -> HttpResponse:
    account, stored = _draft(request)
    data = files.read(stored)
    bank = next((row for row in selectors.bank_accounts() if str(row.pk) == request.POST.get("bank")), None)
    try:
        code, layout, context = _chosen(request, account, data)
        if layout is not None:
            service.mapping_save(
                actor=request.actor, account=account, layout=layout, header=context["raw_header"], bank_account=bank
            )
        else:
            service.bank_choose(actor=request.actor, account=account, bank_account=bank)
        report = service.report_take(actor=request.actor, account=account, stored=stored, code=code, layout=layout)
    except AppError as error:
        messages.error(request, str(error))
        return redirect("reconciliation:reports")
    if report.state == ReportState.WAITING and stored.size <= AT_ONCE:
        report = service.report_work(report_id=report.pk)
        if report.state == ReportState.DONE:
            account_compare(account_id=account.pk)
        _tell(request, report)
    elif report.state == ReportState.WAITING:
        enqueue(report_read, str(report.pk))
    else:
        messages.info(request, pgettext("reconciliation", "This file was read in before. Nothing has changed."))
    return redirect("reconciliation:report", report.pk)


def _tell(request: Any, report: Report) -> None:
    if report.state == ReportState.DONE:
        text = pgettext("reconciliation", "%(new)s new rows of %(total)s.")
        messages.success(request, text % {"new": report.lines_new, "total": report.lines_total})
    else:
        messages.error(request, pgettext("reconciliation", "Some rows cannot be read. Nothing was stored."))


@guard("reconciliation.view")
@require_GET
def report(request: Any, report_id: UUID) -> HttpResponse:
    row = selectors.report_get(report_id)
    chosen = {name: request.GET.get(name, "") for name in ("state", "kind", "q")}
    lines = selectors.lines_of(row, state=chosen["state"], kind=chosen["kind"], text=chosen["q"])
    states = selectors.states_of(row)
    context = {
        "row": row, "format": format_get(row.format), "table": build_table(LINES, lines, request, keyset=True), "problems": service.problems_of(row),
        "states": [(state, label, states.get(state, 0)) for state, label in LineState.choices if states.get(state)],
        "deposits": list(deposits_only_with_us(row)[:SHOWN]), "parts": list(parts_only_with_us(row)[:SHOWN]),
        "may_import": request.actor.may(IMPORT), "state_choices": LineState.choices, "kinds": LineKind.choices, "chosen": chosen, "tab": "reports",
        "crumbs": [(pgettext("navigation", "Reconciliation"), reverse("reconciliation:desk"))],
    }  # fmt: skip
    template = "reconciliation/report.html#rows" if request.htmx else "reconciliation/report.html"
    return page(request, template, context, live=[service.TOPIC])


@guard("reconciliation.import")
@require_POST
def again(request: Any, report_id: UUID) -> HttpResponse:
    """Compare the open lines of the report's account once more, in the background."""
    row = selectors.report_get(report_id)
    enqueue(compare, str(row.provider_account_id))
    messages.info(request, pgettext("reconciliation", "The comparison has begun. This page follows by itself."))
    return redirect("reconciliation:report", row.pk)


@guard("reconciliation.view")
@require_GET
def export(request: Any, report_id: UUID) -> StreamingHttpResponse:
    row = selectors.report_get(report_id)
    lines = selectors.lines_of(
        row, state=request.GET.get("state", ""), kind=request.GET.get("kind", ""), text=request.GET.get("q", "")
    ).order_by("number", "id")
    audit.record(actor=request.actor, action="reconciliation.lines_exported", label=row.name)
    return download(request, "report-lines", LINES.export_header(), lambda: export_rows(LINES, lines))
