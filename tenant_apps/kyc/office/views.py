"""The review desk: a queue, and one case side by side with its documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from kernel.ui.tables import Column, TableSpec, build_table

from .. import selectors, services
from ..forms import MessageForm, RefusalForm, RejectForm
from ..models import Case, CaseState
from ..permissions_list import DECIDE, VIEW
from ..portal.views import picture_response
from ..questions import QUESTIONS, warnings

TABLE = TableSpec(
    default_sort="waiting",
    columns=[
        Column(key="client", label=pgettext_lazy("KYC", "Client"), sort="client__last_name"),
        Column(key="country", label=pgettext_lazy("KYC", "Country"), sort="client__country"),
        Column(key="waiting", label=pgettext_lazy("KYC case", "Submitted"), sort="submitted_at"),
        Column(key="state", label=pgettext_lazy("KYC", "State"), sort="state"),
        Column(key="decided", label=pgettext_lazy("KYC", "Decided by")),
    ],
)
VIEWS = {
    "waiting": pgettext_lazy("KYC", "Waiting"),
    "client": pgettext_lazy("KYC", "With the client"),
    "decided": pgettext_lazy("KYC", "Decided"),
}


def _filtered(actor: Any, view: str) -> QuerySet[Case]:
    states = {
        "client": [CaseState.NEEDS_MORE],
        "decided": [CaseState.APPROVED, CaseState.REJECTED],
    }.get(view, list(selectors.WAITING))
    return selectors.cases_visible_to(actor).filter(state__in=states)


@guard(VIEW)
def queue(request: Any) -> HttpResponse:
    view = request.GET.get("view", "waiting")
    table = build_table(TABLE, _filtered(request.actor, view), request)
    context = {
        "table": table,
        "view": view,
        "views": [(key, label, _filtered(request.actor, key).count()) for key, label in VIEWS.items()],
    }
    template = "kyc/office/queue.html#rows" if request.htmx else "kyc/office/queue.html"
    return page(request, template, context, live=["kyc"])


def _review_context(request: Any, case: Case) -> dict[str, Any]:
    before, after = selectors.neighbours(request.actor, case)
    return {
        "case": case,
        "client": case.client,
        "documents": selectors.documents_of(case),
        "answers": [
            (label, choices.get(case.answers.get(code, ""), "")) for code, (label, choices) in QUESTIONS.items()
        ],
        "warnings": warnings(case.answers),
        "may_decide": request.actor.may(DECIDE, case.client) and case.state in selectors.WAITING,
        "own_proposal": case.state == CaseState.PROPOSED and case.proposed_by == request.actor.id,
        "four_eyes": services.needs_two(case),
        "before": before,
        "after": after,
        "refusal_form": RefusalForm(),
        "message_form": MessageForm(),
        "reject_form": RejectForm(),
    }


@guard(VIEW)
def review(request: Any, case_id: UUID) -> HttpResponse:
    """Documents beside what the client wrote. Opening the page is a sight of each document, and on record."""
    case = selectors.case_for(request.actor, case_id)
    context = _review_context(request, case)
    if not request.htmx:
        for document in context["documents"]:
            services.document_seen(document=document, actor=request.actor)
    template = "kyc/office/review.html#case" if request.htmx else "kyc/office/review.html"
    return page(request, template, context, live=["kyc", f"client:{case.client_id}"])


def _answer(request: HttpRequest, case_id: UUID, *, done: str = "") -> HttpResponse:
    if done:
        messages.success(request, done)
    return redirect("kyc:office-review", case_id=case_id)


def _try(request: HttpRequest, case_id: UUID, act: Any, done: str) -> HttpResponse:
    """Do it; a refusal is shown on the case's page, where its cause can be seen."""
    try:
        act()
    except AppError as error:
        messages.error(request, str(error))
        return _answer(request, case_id)
    return _answer(request, case_id, done=done)


@guard(DECIDE)
@require_POST
def approve(request: Any, case_id: UUID) -> HttpResponse:
    case = selectors.case_for(request.actor, case_id)
    return _try(
        request,
        case_id,
        lambda: services.case_approve(case=case, actor=request.actor),
        pgettext("KYC", "Recorded."),
    )


@guard(DECIDE)
@require_POST
def ask(request: Any, case_id: UUID) -> HttpResponse:
    case = selectors.case_for(request.actor, case_id)
    form = MessageForm(request.POST)
    text = form.cleaned_data["message"] if form.is_valid() else ""
    return _try(
        request,
        case_id,
        lambda: services.case_ask_more(case=case, message=text, actor=request.actor),
        pgettext("KYC", "The client has been told what is missing."),
    )


@guard(DECIDE)
@require_POST
def reject(request: Any, case_id: UUID) -> HttpResponse:
    case = selectors.case_for(request.actor, case_id)
    reason = request.POST.get("reason", "")
    return _try(
        request,
        case_id,
        lambda: services.case_reject(case=case, reason=reason, actor=request.actor),
        pgettext("KYC", "The client was rejected."),
    )


@guard(DECIDE)
@require_POST
def accept_document(request: Any, document_id: UUID) -> HttpResponse:
    document = selectors.document_for(request.actor, document_id)
    return _try(
        request,
        document.case_id,
        lambda: services.document_decide(document=document, accepted=True, actor=request.actor),
        "",
    )


@guard(DECIDE)
@require_POST
def refuse_document(request: Any, document_id: UUID) -> HttpResponse:
    document = selectors.document_for(request.actor, document_id)
    refusal = request.POST.get("refusal", "")
    return _try(
        request,
        document.case_id,
        lambda: services.document_decide(document=document, accepted=False, refusal=refusal, actor=request.actor),
        "",
    )


@guard(VIEW)
def picture(request: Any, document_id: UUID, page: int) -> HttpResponse:
    return picture_response(selectors.document_for(request.actor, document_id), page)
