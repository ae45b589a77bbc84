"""Payment files: wires that wait, files made of them, their release, download and the bank's answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page

from .. import selectors
from ..models import BatchState, PartState, PayoutBatch, PayoutLine, ProviderAccount
from ..permissions_list import BATCH_MAKE, BATCH_RELEASE
from ..services import batches
from ..services.destinations import payout_settings
from ..services.routing import brokerage_today
from ..services.stops import stop_of
from .forms import StatusForm


@guard("payments.batch.view")
@require_GET
def index(request: Any) -> HttpResponse:
    context = {
        "groups": selectors.wires_to_send(),
        "batches": selectors.payout_batches(),
        "may_make": request.actor.may(BATCH_MAKE),
        "today": brokerage_today().isoformat(),
    }
    template = "payments/office/batches.html#desk" if request.htmx else "payments/office/batches.html"
    return page(request, template, context, live=["money"])


@guard("payments.batch.view")
@require_GET
def batch(request: Any, batch_id: UUID) -> HttpResponse:
    row = selectors.payout_batch_get(batch_id)
    actor, made = request.actor, row.state == BatchState.MADE
    lines = _lines(row)
    stopped = any(stop for _, stop in lines)
    context = {
        "row": row,
        "lines": lines,
        "stopped": stopped,
        "may_release": made and not stopped and actor.may(BATCH_RELEASE) and actor.id != row.maker_id,
        "refusals": batches.refusals_waiting(row),
        "may_cancel": made and actor.may(BATCH_MAKE),
        "may_download": row.state == BatchState.RELEASED and actor.may(BATCH_MAKE),
        "form": StatusForm(),
    }
    template = "payments/office/batch.html#body" if request.htmx else "payments/office/batch.html"
    return page(request, template, context, live=["money"])


def _lines(row: PayoutBatch) -> list[tuple[PayoutLine, str]]:
    """Each transfer with what stops it now, as long as the file is live and it has not been settled."""
    rules, live = payout_settings(), row.state != BatchState.CANCELLED
    lines = row.lines.select_related("part__withdrawal__client", "part__withdrawal__destination").order_by("position")
    return [
        (line, stop_of(line.part, rules) if live and line.part.state == PartState.SENDING else "") for line in lines
    ]


def _ids(texts: list[str]) -> list[UUID]:
    try:
        return [UUID(text) for text in texts[:5000]]
    except ValueError:
        raise NotFound from None


def _date(text: str) -> date:
    """What was typed; nonsense is a day that the service refuses."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min


@guard("payments.batch.make")
@require_POST
def make(request: Any) -> HttpResponse:
    account = next(
        (one for one in ProviderAccount.objects.filter(kind="bank_wire") if str(one.pk) == request.POST.get("account")),
        None,
    )
    if account is None:
        raise NotFound
    try:
        made = batches.payout_batch_make(
            actor=request.actor,
            account=account,
            currency=request.POST.get("currency", "")[:8],
            part_ids=_ids(request.POST.getlist("part")),
            execution_on=_date(request.POST.get("execution_on", "")),
        )
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:batches")
    messages.success(request, pgettext("payments", "Made. Someone else releases it."))
    return redirect("payments:batch", made.pk)


def _act(request: Any, batch_id: UUID, act: Callable[[], Any], done: Callable[[Any], str]) -> HttpResponse:
    try:
        messages.success(request, done(act()))
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
    return redirect("payments:batch", batch_id)


@guard("payments.batch.release")
@require_POST
def release(request: Any, batch_id: UUID) -> HttpResponse:
    return _act(
        request,
        batch_id,
        lambda: batches.payout_batch_release(actor=request.actor, batch_id=batch_id, seen=request.POST.get("seen", "")),
        lambda _: pgettext("payments", "Released. Download the file and give it to the bank."),
    )


@guard("payments.batch.make")
@require_POST
def cancel(request: Any, batch_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(
        request,
        batch_id,
        lambda: batches.payout_batch_cancel(actor=request.actor, batch_id=batch_id, reason=reason),
        lambda _: pgettext("payments", "Cancelled. The transfers can go into another file."),
    )


@guard("payments.batch.make")
@require_GET
def download(request: Any, batch_id: UUID) -> HttpResponse:
    try:
        row, data = batches.payout_batch_file(actor=request.actor, batch_id=batch_id)
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:batch", batch_id)
    response = HttpResponse(data, content_type="application/xml")
    response["Content-Disposition"] = f'attachment; filename="{row.reference}.xml"'
    return response


@guard("payments.batch.make")
@require_POST
def status(request: Any, batch_id: UUID) -> HttpResponse:
    """The bank's pain.002."""
    selectors.payout_batch_get(batch_id)
    form = StatusForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, pgettext("payments", "Choose a file first."))
        return redirect("payments:batch", batch_id)
    data = form.cleaned_data["file"].read()
    return _act(
        request,
        batch_id,
        lambda: batches.payout_status_read(actor=request.actor, batch_id=batch_id, data=data),
        _answered,
    )


def _answered(done: batches.Answered) -> str:
    text = pgettext("payments", "%(accepted)s accepted, %(refused)s refused.")
    told = text % {"accepted": done.accepted, "refused": done.refused}
    if done.refused:
        told += " " + pgettext("payments", "What was refused goes back to the wallets when a second person agrees.")
    if done.booked:
        told += " " + pgettext(
            "payments", "%(booked)s refused that a statement has booked as sent; the statement counts."
        ) % {"booked": done.booked}
    return told
