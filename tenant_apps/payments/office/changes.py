"""Changes that wait for a second person: what changes, who proposed it, and its decision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError, Forbidden, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.clients.changes import changes_shown
from tenant_apps.clients.permissions_list import ENTITIES
from tenant_apps.wallets.change_selectors import changes_visible
from tenant_apps.wallets.change_told import told
from tenant_apps.wallets.permissions_list import SETTINGS

from .. import selectors
from ..models import ChangeState, ProposedChange, WithdrawalPart
from ..permissions_list import VIEW
from ..services.changes import change_approve, change_propose, change_refuse, kinds
from ..services.turns import turn

DECIDED = 30


@guard(VIEW, SETTINGS, ENTITIES)
@require_GET
def index(request: Any) -> HttpResponse:
    rows = changes_visible(request.actor)
    waiting = list(rows.filter(state=ChangeState.WAITING).order_by("created_at")[:100])
    decided = list(rows.exclude(state=ChangeState.WAITING).order_by("-decided_at")[:DECIDED])
    for row in (*waiting, *decided):
        row.action = kinds()[row.kind].act  # type: ignore[attr-defined]
        row.words = kinds()[row.kind].words  # type: ignore[attr-defined]
        row.own = row.proposer_id == request.actor.id  # type: ignore[attr-defined]
        row.may_agree = not row.own and request.actor.may(kinds()[row.kind].agree, row.client)  # type: ignore[attr-defined]
    changes_shown([*waiting, *decided])  # type: ignore[list-item]
    context = {"waiting": waiting, "decided": decided}
    template = "payments/office/changes.html#desk" if request.htmx else "payments/office/changes.html"
    return page(request, template, context, live=["money"])


def _seen(request: Any, change_id: UUID) -> ProposedChange:
    row = changes_visible(request.actor).filter(pk=change_id).first()
    if row is None:
        raise NotFound
    return row


@guard(VIEW, SETTINGS, ENTITIES)
@require_POST
def approve(request: Any, change_id: UUID) -> HttpResponse:
    """The service asks for the right of the kind."""
    row = _seen(request, change_id)
    try:
        change_approve(actor=request.actor, change_id=row.pk)
    except AppError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("payments", "It is in force."))
    return redirect("payments:changes")


@guard(VIEW, SETTINGS, ENTITIES)
@require_POST
def refuse(request: Any, change_id: UUID) -> HttpResponse:
    row = _seen(request, change_id)
    try:
        change_refuse(actor=request.actor, change_id=row.pk, reason=request.POST.get("reason", ""))
    except AppError as error:
        messages.error(request, str(error))
    return redirect("payments:changes")


def _about_money(**values: Any) -> ProposedChange | None:
    """In the client's turn, which comes before the lock of changes (turns.py): carrying it out takes it, too."""
    with transaction.atomic():
        turn(values["client"].pk)
        return change_propose(**values)


def _freeze(request: Any, deposit_id: UUID, kind: str) -> HttpResponse:
    row = selectors.deposit_get(request.actor, deposit_id)
    try:
        made = _about_money(
            actor=request.actor, kind=kind, object_id=row.pk, title=row.reference, values={}, client=row.client
        )
    except Forbidden:
        raise
    except AppError as error:
        messages.error(request, str(error))
    else:
        told(request, made)
    return redirect("payments:deposit", row.pk)


@guard("payments.view")
@require_POST
def freeze_take(request: Any, deposit_id: UUID) -> HttpResponse:
    """The service asks for the right to propose; a second person carries it out."""
    return _freeze(request, deposit_id, "freeze_take")


@guard("payments.view")
@require_POST
def freeze_lift(request: Any, deposit_id: UUID) -> HttpResponse:
    return _freeze(request, deposit_id, "freeze_lift")


@guard("payments.view")
@require_POST
def part_refused(request: Any, part_id: UUID) -> HttpResponse:
    """The bank refused a wire, says one person with the reason; a second lets the money go back."""
    part = WithdrawalPart.objects.filter(pk=part_id).first()
    if part is None:
        raise NotFound
    row = selectors.withdrawal_get(request.actor, part.withdrawal_id)
    try:
        made = _about_money(
            actor=request.actor, kind="wire_refused", object_id=part.pk, title=row.reference, values={},
            client=row.client, note=request.POST.get("reason", ""),
        )  # fmt: skip
    except Forbidden:
        raise
    except AppError as error:
        messages.error(request, str(error))
    else:
        told(request, made)
    return redirect("payments:withdrawal", row.pk)
