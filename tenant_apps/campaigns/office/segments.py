"""Segments: list, builder with live count, members."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from kernel.tasks import enqueue
from tenant_apps.campaigns import segments, selectors
from tenant_apps.campaigns.forms import SegmentForm
from tenant_apps.campaigns.models import Segment
from tenant_apps.campaigns.tasks import segment_sweep
from tenant_apps.clients import conditions, facts


@guard("campaigns.view")
def segment_list(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    rows = [(segment, conditions.words(segment.definition)) for segment in selectors.segments(actor)]
    values = {"rows": rows, "may_edit": actor.may("campaigns.edit")}
    return page(request, "campaigns/segments.html", values, live=["segments"])


@guard("campaigns.view")
def segment_page(request: HttpRequest, segment_id: UUID) -> HttpResponse:
    """Who is in it now."""
    actor = request.actor  # type: ignore[attr-defined]
    segment = selectors.segment_get(actor, segment_id)
    number = request.GET.get("page", "1")
    members = Paginator(selectors.members(actor, segment), 50).get_page(number)
    values = {
        "segment": segment,
        "lines": conditions.words(segment.definition),
        "members": members,
        "crumbs": [(pgettext("navigation", "Segments"), reverse("campaigns:segments")), (segment.name, "")],
        "may_edit": actor.may("campaigns.edit"),
    }
    return page(request, "campaigns/segment.html", values, live=["segments"])


def builder(request: HttpRequest, tree: Any) -> dict[str, Any]:
    """What the builder's templates need."""
    return {
        "node": conditions.draw(tree),
        "facts": facts.all_facts(),
        "url": reverse("campaigns:segment-build"),
        "preview": selectors.preview(request.actor, tree),  # type: ignore[attr-defined]
    }


@guard("campaigns.view")
@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """The builder drawn again after a change, with the count and the first rows of who fits."""
    act = request.POST.get("act", "")
    tree = conditions.EMPTY if act == "start" else conditions.from_post(request.POST, act, request.POST.get("at", ""))
    return render(request, "clients/conditions/builder.html", builder(request, tree))


@guard("campaigns.edit")
def segment_edit(request: HttpRequest, segment_id: UUID | None = None) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    segment = selectors.segment_get(actor, segment_id) if segment_id else None
    initial = {"name": segment.name, "description": segment.description, "tone": segment.tone} if segment else {}
    form = SegmentForm(request.POST or None, initial=initial)
    tree: Any = segment.definition if segment else conditions.EMPTY
    if request.method == "POST":
        tree = conditions.from_post(request.POST)
        if form.is_valid() and (saved := _saved(segment, form, tree, actor)):
            messages.success(request, pgettext("segment", "The segment is saved. Its members follow in a moment."))
            return redirect("campaigns:segment", saved.pk)
    values = {
        "form": form,
        "segment": segment,
        "crumbs": [(pgettext("navigation", "Segments"), reverse("campaigns:segments"))],
        **builder(request, tree),
    }
    return page(request, "campaigns/segment_edit.html", values, status=422 if form.errors else 200)


def _saved(segment: Segment | None, form: SegmentForm, tree: Any, actor: Any) -> Segment | None:
    try:
        saved = segments.segment_save(segment=segment, definition=tree, actor=actor, **form.cleaned_data)
    except AppError as error:
        form.refuse(error)
        return None
    enqueue(segment_sweep, str(saved.pk))
    return saved


@guard("campaigns.edit")
@require_POST
def segment_delete(request: HttpRequest, segment_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    segments.segment_delete(segment=selectors.segment_get(actor, segment_id), actor=actor)
    messages.success(request, pgettext("segment", "The segment is deleted."))
    return redirect("campaigns:segments")
