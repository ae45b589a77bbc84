"""The client's way through the check: one page per step, at any time interruptible, the state always visible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel import files
from kernel.errors import Invalid, NotFound
from kernel.guards import client_only
from kernel.pages import page
from tenant_apps.clients import services as clients

from .. import selectors, services
from ..forms import AddressForm, IdentityForm, ProfileForm, QuestionsForm
from ..models import Case, CaseState, DocumentState

STEPS: list[tuple[str, Any]] = [
    ("profile", pgettext_lazy("KYC step", "About you")),
    ("identity", pgettext_lazy("KYC step", "Identity document")),
    ("address", pgettext_lazy("KYC step", "Proof of address")),
    ("questions", pgettext_lazy("KYC step", "Your experience")),
]


def _case(request: Any) -> Case:
    """The open case, else the latest decided one: an approved client sees the outcome, not a new form."""
    latest = selectors.latest_case(request.client.pk)
    if latest and latest.state in (CaseState.APPROVED, CaseState.REJECTED):
        return latest
    return services.case_open(client=request.client, actor=request.actor)


def _steps(case: Case, current: str = "") -> list[dict[str, Any]]:
    open_steps = set(services.missing(case))
    current = current or next((key for key, *_ in STEPS if key in open_steps), "")
    return [
        {
            "key": key,
            "label": label,
            "state": "current" if key == current else ("todo" if key in open_steps else "done"),
            "number": number,
            "url": f"kyc:portal-{key}",
        }
        for number, (key, label) in enumerate(STEPS, start=1)
    ]


def _context(case: Case, current: str = "") -> dict[str, Any]:
    return {
        "case": case,
        "steps": _steps(case, current),
        "documents": selectors.documents_of(case),
        "editable": case.state in (CaseState.DRAFT, CaseState.NEEDS_MORE),
        "missing": services.missing(case),
    }


def _live(request: Any) -> list[str]:
    return [f"client:{request.client.pk}"]


@client_only
def overview(request: HttpRequest) -> HttpResponse:
    """Where the check stands; refreshed live when an officer decides."""
    case = _case(request)
    template = "kyc/portal/overview.html#status" if getattr(request, "htmx", False) else "kyc/portal/overview.html"
    return page(request, template, _context(case), live=_live(request))


def _next(case: Case, done: str) -> HttpResponse:
    keys = [key for key, _ in STEPS]
    rest = [key for key in keys[keys.index(done) + 1 :] if key in services.missing(case)]
    return redirect(f"kyc:portal-{rest[0]}" if rest else "kyc:portal-overview")


def _step(request: HttpRequest, key: str, form: Any, save: Callable[[Case, Any], None]) -> HttpResponse:
    """Show a step's form, or save it and go on to the next one that is missing."""
    case = _case(request)
    if case.state not in (CaseState.DRAFT, CaseState.NEEDS_MORE):
        return redirect("kyc:portal-overview")
    if request.method == "POST" and form.is_valid():
        try:
            save(case, form)
        except Invalid as error:
            form.add_error("front" if "front" in form.fields else None, str(error))
        else:
            case.refresh_from_db()
            case.client.refresh_from_db()
            return _next(case, key)
    context = _context(case, key) | {"form": form, "step": key}
    status = 422 if request.method == "POST" else 200
    return page(request, f"kyc/portal/{key}.html", context, status=status, live=_live(request))


@client_only
def profile(request: Any) -> HttpResponse:
    form = ProfileForm(request.POST or None, initial=ProfileForm.initial_of(request.client))

    def save(case: Case, valid: ProfileForm) -> None:
        clients.client_update(client=request.client, actor=request.actor, **valid.changes())

    return _step(request, "profile", form, save)


@client_only
def identity(request: Any) -> HttpResponse:
    form = IdentityForm(request.POST or None, request.FILES or None)

    def save(case: Case, valid: IdentityForm) -> None:
        for side in ("front", "back"):
            if upload := valid.cleaned_data.get(side):
                services.document_upload(
                    case=case,
                    kind=valid.cleaned_data["kind"],
                    side=side,
                    data=upload.read(),
                    name=upload.name,
                    expires_on=valid.cleaned_data["expires_on"],
                    actor=request.actor,
                )

    return _step(request, "identity", form, save)


@client_only
def address(request: Any) -> HttpResponse:
    form = AddressForm(request.POST or None, request.FILES or None)

    def save(case: Case, valid: AddressForm) -> None:
        upload = valid.cleaned_data["front"]
        services.document_upload(
            case=case,
            kind=valid.cleaned_data["kind"],
            side="front",
            data=upload.read(),
            name=upload.name,
            actor=request.actor,
        )

    return _step(request, "address", form, save)


@client_only
def questions(request: Any) -> HttpResponse:
    form = QuestionsForm(request.POST or None, initial=_case(request).answers)

    def save(case: Case, valid: QuestionsForm) -> None:
        services.answers_save(case=case, answers=valid.cleaned_data, actor=request.actor)

    return _step(request, "questions", form, save)


@client_only
@require_POST
def submit(request: Any) -> HttpResponse:
    try:
        services.case_submit(case=_case(request), actor=request.actor)
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("KYC", "Thank you. We will look at your documents now."))
    return redirect("kyc:portal-overview")


@client_only
@require_POST
def remove(request: Any, document_id: UUID) -> HttpResponse:
    document = selectors.document_for(request.actor, document_id)
    step = "identity" if document.is_identity else "address"
    if document.state != DocumentState.ACCEPTED:
        services.document_remove(document=document, actor=request.actor)
    return redirect(f"kyc:portal-{step}")


@client_only
def picture(request: Any, document_id: UUID, page: int) -> HttpResponse:
    """A page of one's own document, as a picture."""
    document = selectors.document_for(request.actor, document_id)
    return picture_response(document, page)


def picture_response(document: Any, number: int) -> HttpResponse:
    """WebP that no cache keeps and no browser takes for anything else."""
    if not 0 <= number < max(1, document.file.pages):
        raise NotFound
    response = HttpResponse(files.page_picture(document.file, number), content_type="image/webp")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
