"""One mail of a series: its day, its text per language, as it will look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET, require_POST

from kernel import mail
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.campaigns import editing, selectors, texts
from tenant_apps.campaigns.forms import BLOCK_KINDS, blocks_from_post, drawn, language_choices, text_from_post
from tenant_apps.campaigns.models import Series, SeriesStep
from tenant_apps.notifications.brand import mail_brand
from tenant_apps.notifications.frames import mail_frame
from tenant_apps.notifications.services import FOLDER, language_for

from .series import crumbs

BLANK: dict[str, Any] = {
    "subject": "",
    "preheader": "",
    "heading": "",
    "blocks": [{"kind": "text", "text": ""}, {"kind": "button", "text": "", "url": "{portal_url}/"}],
}


def _step(series: Series, step_id: UUID) -> SeriesStep:
    found = series.steps.filter(pk=step_id).first()
    if found is None:
        raise NotFound
    return found


def _language(request: HttpRequest, step: SeriesStep | None) -> str:
    asked = request.POST.get("language") or request.GET.get("language", "")
    known = dict(language_choices())
    return asked if asked in known else next(iter(step.content), "en") if step else language_for("")


@guard("campaigns.edit")
def step_edit(request: HttpRequest, series_id: UUID, step_id: UUID | None = None) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    series = selectors.series_get(actor, series_id)
    step = _step(series, step_id) if step_id else None
    language = _language(request, step)
    text: dict[str, Any] = (step.content.get(language) if step else None) or BLANK
    days = str(request.POST.get("after_days") or (step.after_days if step else 0))
    problem = ""
    if request.method == "POST":
        text = text_from_post(request.POST)
        try:
            saved = editing.step_save(
                series=series, step=step, after_days=int(days) if days.isdecimal() else -1, language=language, text=text,
                actor=actor,
            )  # fmt: skip
        except AppError as error:
            problem = str(error)
        else:
            messages.success(request, pgettext("mail series", "The mail is saved."))
            return redirect(f"{reverse('campaigns:step', args=[series.pk, saved.pk])}?language={language}")
    values = {
        "series": series, "step": step, "language": language, "days": days, "problem": problem,
        "text": text, "blocks": drawn(text["blocks"] or BLANK["blocks"]), "kinds": BLOCK_KINDS,
        "languages": [(code, name, bool(step and code in step.content)) for code, name in language_choices()],
        "rtl": language in ("ar", "fa", "he", "ur"),
        "crumbs": crumbs((series.name, reverse("campaigns:series-page", args=[series.pk]))),
    }  # fmt: skip
    return page(request, "campaigns/step_edit.html", values, status=422 if problem else 200)


@guard("campaigns.edit")
@require_POST
def blocks(request: HttpRequest) -> HttpResponse:
    """The blocks drawn again after one was added, removed or moved."""
    at = request.POST.get("at", "")
    found = blocks_from_post(request.POST, request.POST.get("act", ""), int(at) if at.isdecimal() else -1)
    rtl = request.POST.get("language", "") in ("ar", "fa", "he", "ur")
    return render(request, "campaigns/_blocks.html", {"blocks": drawn(found), "kinds": BLOCK_KINDS, "rtl": rtl})


@guard("campaigns.view")
@xframe_options_exempt
@require_GET
def preview(request: HttpRequest, series_id: UUID, step_id: UUID) -> HttpResponse:
    """The mail as a client of that language gets it, for a frame: sandboxed, nothing in it can run or load."""
    step = _step(selectors.series_get(request.actor, series_id), step_id)  # type: ignore[attr-defined]
    language, text = texts.step_text(step.content, _language(request, step))
    brand = mail_brand(language)
    names = {"first_name": "Lena", "name": "Lena Brandt", "brand": brand.name, "portal_url": brand.home_url.rstrip("/")}
    content = texts.filled(text, names)
    rendered = mail.render(
        "campaign", {"content": content, "unsubscribe_url": "#"}, language=language, brand=brand, folder=FOLDER
    )
    return mail_frame(rendered.html)


@guard("campaigns.edit")
@require_POST
def step_delete(request: HttpRequest, series_id: UUID, step_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    series = selectors.series_get(actor, series_id)
    step = _step(series, step_id)
    try:
        editing.step_delete(step=step, actor=actor)
    except AppError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, pgettext("mail series", "The mail is taken out of the series."))
    return redirect("campaigns:series-page", series_id)
