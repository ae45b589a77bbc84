"""Series: list, figures, who is where, settings, start and pause; the suppression list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.campaigns import editing, selectors, series
from tenant_apps.campaigns.forms import SeriesForm
from tenant_apps.campaigns.models import Enrolment, EnrolmentState, Suppression


@guard("campaigns.view")
def series_list(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    values = {"rows": selectors.series_all(actor), "may_edit": actor.may("campaigns.edit")}
    return page(request, "campaigns/series_list.html", values)


def crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(pgettext("navigation", "Mail series"), reverse("campaigns:series")), *more]


@guard("campaigns.view")
def series_page(request: HttpRequest, series_id: UUID) -> HttpResponse:
    """Figures, the mails, and who is where."""
    actor = request.actor  # type: ignore[attr-defined]
    row = selectors.series_get(actor, series_id)
    state = request.GET.get("state", "")
    people = selectors.enrolments(actor, row, state if state in EnrolmentState.values else "")
    values = {
        "series": row,
        "steps": selectors.step_figures(row),
        "people": Paginator(people, 25).get_page(request.GET.get("page", "1")),
        "states": EnrolmentState.choices,
        "state": state,
        "crumbs": crumbs((row.name, "")),
        "may_edit": actor.may("campaigns.edit"),
        "may_send": actor.may("campaigns.send"),
    }
    return page(request, "campaigns/series_page.html", values)


@guard("campaigns.edit")
def series_edit(request: HttpRequest, series_id: UUID | None = None) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    row = selectors.series_get(actor, series_id) if series_id else None
    form = SeriesForm(request.POST or None, initial=SeriesForm.initial_of(row) if row else None)
    if request.method == "POST" and form.is_valid():
        try:
            saved = editing.series_save(series=row, actor=actor, **form.cleaned_data)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("mail series", "The series is saved."))
            return redirect("campaigns:series-page", saved.pk)
    values: dict[str, Any] = {"form": form, "series": row, "crumbs": crumbs()}
    return page(request, "campaigns/series_edit.html", values, status=422 if form.errors else 200)


@guard("campaigns.send")
@require_POST
def series_start(request: HttpRequest, series_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    row = selectors.series_get(actor, series_id)
    try:
        series.series_start(series=row, also_present=bool(request.POST.get("also_present")), actor=actor)
    except AppError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("mail series", "The series is running."))
    return redirect("campaigns:series-page", series_id)


@guard("campaigns.send")
@require_POST
def series_pause(request: HttpRequest, series_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    series.series_pause(series=selectors.series_get(actor, series_id), actor=actor)
    messages.success(
        request, pgettext("mail series", "The series is paused. Nothing is sent until you start it again.")
    )
    return redirect("campaigns:series-page", series_id)


@guard("campaigns.send")
@require_POST
def enrolment_stop(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    row = Enrolment.objects.select_related("client").filter(pk=enrolment_id).first()
    if row is None or not actor.may("clients.view", row.client):
        raise NotFound
    series.enrolment_stop(enrolment_id=enrolment_id, actor=actor)
    messages.success(request, pgettext("mail series", "This client gets no more mails of the series."))
    return redirect("campaigns:series-page", row.series_id)


@guard("campaigns.view")
def suppression_list(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    rows = Paginator(selectors.suppressions(actor), 50).get_page(request.GET.get("page", "1"))
    values = {"rows": rows, "crumbs": crumbs(), "may_send": actor.may("campaigns.send"), "masks": actor.masks}
    return page(request, "campaigns/suppressions.html", values)


@guard("campaigns.send")
@require_POST
def suppression_remove(request: HttpRequest, suppression_id: UUID) -> HttpResponse:
    row = Suppression.objects.filter(pk=suppression_id).first()
    if row is None:
        raise NotFound
    reason = request.POST.get("reason", "").strip()[:300]
    series.suppression_remove(suppression=row, reason=reason, actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("campaigns", "The address may get campaigns again."))
    return redirect("campaigns:suppressions")
