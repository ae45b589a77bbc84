"""Payments that came in another currency: what each is, and what two people decide about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page

from .. import selectors
from ..models import SuspenseDecision
from ..permissions_list import APPROVE, PROPOSE
from ..services import suspense


@guard("payments.view")
@require_GET
def index(request: Any) -> HttpResponse:
    rows = selectors.suspense_visible(request.actor).order_by("-created_at")
    waiting = rows.filter(state__in=suspense.WAITING)
    context = {
        "waiting": waiting[:100],
        "done": rows.exclude(state__in=suspense.WAITING)[:50],
        "decisions": SuspenseDecision.choices,
        "may_propose": request.actor.may(PROPOSE),
        "may_approve": request.actor.may(APPROVE),
    }
    template = "payments/office/suspense.html#desk" if request.htmx else "payments/office/suspense.html"
    return page(request, template, context, live=["money"])


def _act(request: Any, row_id: UUID, act: Callable[..., Any], **values: Any) -> HttpResponse:
    row = selectors.suspense_get(request.actor, row_id)
    try:
        act(actor=request.actor, row_id=row.pk, **values)
    except AppError as error:
        messages.error(request, str(error))
    return redirect("payments:suspense")


@guard("payments.withdrawal.propose")
@require_POST
def propose(request: Any, row_id: UUID) -> HttpResponse:
    decision, note = request.POST.get("decision", ""), request.POST.get("note", "")
    return _act(request, row_id, suspense.suspense_propose, decision=decision, note=note)


@guard("payments.withdrawal.approve")
@require_POST
def approve(request: Any, row_id: UUID) -> HttpResponse:
    return _act(request, row_id, suspense.suspense_approve, seen=request.POST.get("seen", ""))


@guard("payments.view")
@require_POST
def back(request: Any, row_id: UUID) -> HttpResponse:
    """Either right is enough; the service asks for it."""
    return _act(request, row_id, suspense.suspense_withdraw)
