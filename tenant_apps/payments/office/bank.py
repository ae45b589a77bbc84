"""Statements: upload, look, import; and the desk for what nobody could match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kernel import files
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.models import StoredFile
from kernel.pages import page

from ..models import BankLine, BankStatement, LineState, ProviderAccount, StatementState
from ..permissions_list import BANK_APPROVE
from ..services import bank, bank_lines, matching, statement_chain
from .forms import StatementForm

DRAFT = "bank_statement_draft"


def _accounts() -> list[ProviderAccount]:
    return list(ProviderAccount.objects.filter(kind="bank_wire").order_by("position", "created_at"))


@guard("payments.bank.import")
@require_GET
def index(request: Any) -> HttpResponse:
    lines = (
        BankLine.objects.filter(state__in=[LineState.UNMATCHED, LineState.PROPOSED])
        .select_related("client", "statement")
        .order_by("booked_on", "id")[:100]
    )
    statements = (
        BankStatement.objects.select_related("provider_account")
        .annotate(total=Count("lines"), matched=Count("lines", filter=~Q(lines__state__in=["unmatched", "proposed"])))
        .order_by("-created_at")[:30]
    )
    gaps = [] if request.htmx else statement_chain.gaps()  # the desk drawn anew shows none
    context = {
        "lines": lines,
        "statements": statements,
        "gaps": gaps,
        "after_gaps": {gap.statement.pk for gap in gaps},
        "accounts": _accounts(),
        "form": StatementForm(),
        "may_approve": request.actor.may(BANK_APPROVE),
    }
    template = "payments/office/bank.html#desk" if request.htmx else "payments/office/bank.html"
    return page(request, template, context, live=["money"])


def _account(given: QueryDict) -> ProviderAccount:
    wanted = given.get("account", "")
    found = next((account for account in _accounts() if str(account.pk) == wanted), None)
    if found is None:
        raise NotFound
    return found


@guard("payments.bank.import")
@require_http_methods(["GET", "POST"])
def upload(request: Any) -> HttpResponse:
    """First post: the file, kept as a draft and shown: what would be matched and why. Second post: that very file, to be
    approved by another person, or imported at once where one suffices."""
    if request.method == "GET":
        return _preview(request)
    account = _account(request.POST)
    if draft := request.POST.get("draft"):
        return _import(request, account, draft)
    form = StatementForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, pgettext("payments", "Choose a file first."))
        return redirect("payments:bank")
    upload_ = form.cleaned_data["file"]
    data = upload_.read()
    try:
        bank.statement_read(data)
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:bank")
    stored = files.save(
        data, kind=DRAFT, name=upload_.name, content_type="application/octet-stream", subject=request.actor.id
    )
    # A page of its own address: reloading it, or choosing another language on it, must not need the file again.
    shown = urlencode({"account": str(account.pk), "draft": str(stored.pk)})
    return redirect(f"{reverse('payments:bank-upload')}?{shown}")


def _draft(request: Any, draft: str) -> StoredFile:
    """A file this very person uploaded."""
    try:
        wanted = UUID(draft)
    except ValueError:
        raise NotFound from None
    stored = StoredFile.objects.filter(pk=wanted, kind=DRAFT, subject=request.actor.id).first()
    if stored is None:
        raise NotFound
    return stored


def _preview(request: Any) -> HttpResponse:
    """What an import of the draft would do; without a draft, the place where one is uploaded."""
    if not request.GET.get("draft"):
        return redirect("payments:bank")
    account, stored = _account(request.GET), _draft(request, request.GET["draft"])
    try:
        statements = bank.statement_read(files.read(stored))
        previews = [(statement, matching.statement_preview(account, statement)) for statement in statements]
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:bank")
    context = {
        "previews": previews,
        "draft": stored.pk,
        "account": account,
        "name": stored.name,
        "two": bank.two_needed(account),
    }
    return page(request, "payments/office/bank_preview.html", context)


def _import(request: Any, account: ProviderAccount, draft: str) -> HttpResponse:
    stored = _draft(request, draft)
    try:
        done = bank.statement_import(actor=request.actor, account=account, name=stored.name, data=files.read(stored))
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:bank")
    if done.waiting:
        messages.success(request, pgettext("payments", "Stored. Someone else approves it, then it is imported."))
    else:
        _tell_imported(request, done)
    return redirect("payments:bank-statement", done.statements[0].pk)


def _tell_imported(request: Any, done: bank.Imported) -> None:
    messages.success(
        request,
        pgettext("payments", "%(lines)s new lines, %(credited)s credited, %(known)s known before.")
        % {"lines": done.lines, "credited": done.credited, "known": done.known},
    )


@guard("payments.bank.import")
@require_GET
def statement(request: Any, statement_id: UUID) -> HttpResponse:
    row = BankStatement.objects.select_related("provider_account", "file").filter(pk=statement_id).first()
    if row is None:
        raise NotFound
    waits = row.state == StatementState.WAITING
    context = {
        "row": row,
        "lines": row.lines.select_related("client", "deposit", "part__withdrawal").order_by("position"),
        "others": BankStatement.objects.filter(sha256=row.sha256, state=row.state).exclude(pk=row.pk).count(),
        "may_approve": waits and request.actor.may(BANK_APPROVE) and request.actor.id != row.uploader_id,
        "may_reject": waits,
        "gap": next((gap for gap in _gaps(row) if gap.statement.pk == row.pk), None),
        **(_waiting(row) if waits else {}),
    }
    return page(request, "payments/office/bank_statement.html", context, live=["money"])


def _gaps(row: BankStatement) -> list[statement_chain.Gap]:
    return [] if row.state == StatementState.REJECTED else statement_chain.gaps([row.provider_account_id])


def _waiting(row: BankStatement) -> dict[str, Any]:
    """What an approval would do now, with all statements of the file."""
    try:
        told = bank.file_told(row)
    except AppError as error:
        return {"unreadable": str(error)}
    return {"told": told, "seen": bank.file_shown(told)}


@guard("payments.bank.approve")
@require_POST
def statement_approve(request: Any, statement_id: UUID) -> HttpResponse:
    seen = request.POST.get("seen", "")

    def act() -> None:
        _tell_imported(request, bank.statement_approve(actor=request.actor, statement_id=statement_id, seen=seen))

    return _act(request, act, "payments:bank-statement", statement_id)


@guard("payments.bank.import")
@require_POST
def statement_reject(request: Any, statement_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(
        request,
        lambda: bank.statement_reject(actor=request.actor, statement_id=statement_id, reason=reason),
        "payments:bank-statement",
        statement_id,
    )


def _act(request: Any, act: Callable[[], Any], *there: Any) -> HttpResponse:
    try:
        act()
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
    return redirect(*(there or ["payments:bank"]))


@guard("payments.bank.import")
@require_POST
def propose(request: Any, line_id: UUID) -> HttpResponse:
    number = request.POST.get("client", "").strip()
    return _act(
        request,
        lambda: bank_lines.line_propose(
            actor=request.actor,
            line_id=line_id,
            client_number=int(number) if number.isdecimal() and len(number) < 10 else 0,
            note=request.POST.get("note", ""),
        ),
    )


@guard("payments.bank.import")
@require_POST
def ignore(request: Any, line_id: UUID) -> HttpResponse:
    note = request.POST.get("note", "")
    return _act(request, lambda: bank_lines.line_ignore(actor=request.actor, line_id=line_id, note=note))


@guard("payments.bank.approve")
@require_POST
def approve(request: Any, line_id: UUID) -> HttpResponse:
    seen = request.POST.get("seen", "")
    return _act(request, lambda: bank_lines.line_approve(actor=request.actor, line_id=line_id, seen=seen))


@guard("payments.bank.import")
@require_POST
def back(request: Any, line_id: UUID) -> HttpResponse:
    return _act(request, lambda: bank_lines.line_back(actor=request.actor, line_id=line_id))
