"""Compliance's side of "where does the money come from": the list, one request, its paper."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel import files
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.kyc.permissions_list import DECIDE

from .. import selectors
from ..models import FundsState
from ..services import funds


@guard("kyc.view")
@require_GET
def index(request: Any) -> HttpResponse:
    rows = selectors.funds_visible(request.actor).order_by("-given_at", "-created_at")
    waiting = list(rows.filter(state=FundsState.GIVEN)[:100])
    others = list(rows.exclude(state=FundsState.GIVEN)[:100])
    return page(request, "payments/office/funds.html", {"rows": waiting + others})


@guard("kyc.view")
def one(request: Any, request_id: UUID) -> HttpResponse:
    row = selectors.funds_get(request.actor, request_id)
    if request.method == "POST":
        try:
            funds.decide(
                actor=request.actor, request_id=row.pk, accepted=request.POST.get("decision") == "accept",
                reason=request.POST.get("reason", ""),
            )  # fmt: skip
        except AppError as error:
            messages.error(request, str(error))
            return redirect("payments:funds-request", row.pk)
        messages.success(request, pgettext("payments", "Saved."))
        return redirect("payments:funds")
    context = {"row": row, "may_decide": request.actor.may(DECIDE) and row.state != FundsState.ACCEPTED}
    return page(request, "payments/office/funds_request.html", context)


@guard("kyc.view")
@require_GET
def file(request: Any, request_id: UUID) -> HttpResponse:
    """The paper's first page as a picture that no cache keeps."""
    row = selectors.funds_get(request.actor, request_id)
    if row.file is None:
        raise NotFound
    funds.file_seen(actor=request.actor, row=row)
    response = HttpResponse(files.page_picture(row.file, 0), content_type="image/webp")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
