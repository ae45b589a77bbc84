"""The brand's editor, its previews, and the page of languages and region."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.views.decorators.http import require_POST

from kernel import mail
from kernel.errors import AppError
from kernel.guards import guard
from kernel.middleware import offered_languages
from kernel.pages import page
from shared_apps.tenants.selectors import domains_of
from tenant_apps.branding import looks, services
from tenant_apps.branding.forms import BrandForm, LocaleForm
from tenant_apps.branding.models import BrandState, BrandVersion
from tenant_apps.branding.tokens import Tokens
from tenant_apps.notifications.brand import mail_brand
from tenant_apps.notifications.frames import mail_frame

VIEW, EDIT = "branding.view", "branding.edit"


def _languages(request: HttpRequest) -> list[str]:
    return list(request.tenant.setting("languages") or ["en"])  # type: ignore[attr-defined]


@guard(VIEW)
def editor(request: HttpRequest) -> HttpResponse:
    """Edit the draft; the page shows it beside, as people will see it."""
    tokens = services.current_tokens()
    form = BrandForm(request.POST or None, initial=_initial(tokens), languages=_languages(request))
    if request.method == "POST" and form.is_valid():
        try:
            services.brand_draft_save(actor=request.actor, changes=form.tokens())  # type: ignore[attr-defined]
            if "publish" in request.POST:
                return publish(request)
            messages.success(request, pgettext("brand", "The draft is kept. Nobody sees it until you publish."))
            return redirect("branding:editor")
        except AppError as error:
            form.refuse(error)
    versions = list(BrandVersion.objects.exclude(state=BrandState.DRAFT).order_by("-number")[:12])
    values = {
        "form": form,
        "pictures": _pictures(tokens),
        "swatches": looks.SWATCHES,
        "draft": BrandVersion.objects.filter(state=BrandState.DRAFT).first(),
        "versions": versions,
        "may_edit": request.actor.may(EDIT),  # type: ignore[attr-defined]
        **_preview_values(tokens),
    }
    return page(request, "branding/editor.html", values, status=422 if form.errors else 200)


def _initial(tokens: Tokens) -> dict[str, Any]:
    values = tokens.as_json()
    for kind in ("legal_footer", "risk_warning"):
        for code, text in (values.pop(kind) or {}).items():
            values[f"{kind}_{code}"] = text
    return values


def _pictures(tokens: Tokens) -> list[dict[str, Any]]:
    urls = services.picture_urls(tokens)
    titles = {
        "logo": pgettext("brand", "Logo"),
        "logo_dark": pgettext("brand", "Logo for dark pages"),
        "mark": pgettext("brand", "Mark (browser tab, app icon)"),
    }
    return [{"role": role, "title": title, "url": urls.get(role, "")} for role, title in titles.items()]


def _preview_values(tokens: Tokens) -> dict[str, Any]:
    look = looks.tokens_of(tokens.as_json())
    report = looks.report(look)
    readable = all(line[mode].passed for line in report for mode in ("light", "dark"))
    query = looks.query_of(look, name=tokens.name, mail_header=tokens.mail_header)
    return {"query": query, "report": report, "readable": readable}


@guard(VIEW)
def preview(request: HttpRequest) -> HttpResponse:
    """The frames and the contrast report for what stands in the form now."""
    look = looks.tokens_of(request.GET)
    report = looks.report(look)
    readable = all(line[mode].passed for line in report for mode in ("light", "dark"))
    more = {key: request.GET.get(key, "") for key in ("name", "mail_header")}
    values = {"query": looks.query_of(look, **more), "report": report, "readable": readable}
    return page(request, "branding/_preview.html", values)


@guard(VIEW)
def preview_frame(request: HttpRequest) -> HttpResponse:
    pictures = services.picture_urls(services.current_tokens())
    name = request.GET.get("name", "")
    return looks.preview_page(request, css_path="/branding/preview/looks.css", name=name, pictures=pictures)


@guard(VIEW)
def preview_css(request: HttpRequest) -> HttpResponse:
    return looks.preview_css(request)


@guard(VIEW)
def preview_mail(request: HttpRequest) -> HttpResponse:
    """A mail in the looks of the query."""
    from dataclasses import asdict, replace

    from kernel.ui.brand import mail_colours

    look = looks.tokens_of(request.GET)
    language = get_language() or "en"
    brand = mail_brand(language)
    brand = replace(
        brand,
        name=request.GET.get("name") or brand.name,
        colours=asdict(mail_colours(look)),
        logo_url=_mail_logo(request),
        theme=look.preset,
    )
    rendered = mail.render("branding.sample", {}, language=language, brand=brand, folder="notifications/mail")
    return mail_frame(rendered.html)


def _mail_logo(request: HttpRequest) -> str:
    """The draft's logo, where mails are to begin with it; on the page's own host, which is all the frame may load."""
    logo = services.picture_urls(services.current_tokens()).get("logo", "")
    return request.build_absolute_uri(logo) if logo and request.GET.get("mail_header") != "name" else ""


@guard(EDIT)
@require_POST
def picture(request: HttpRequest, role: str) -> HttpResponse:
    """Upload a logo or mark, or take it out. What stands unsaved in the form beside it is kept with it."""
    upload = request.FILES.get("file")
    form = BrandForm(request.POST, languages=_languages(request))
    try:
        if "name" in request.POST and form.is_valid():
            services.brand_draft_save(actor=request.actor, changes=form.tokens())  # type: ignore[attr-defined]
        data = None if "remove" in request.POST else upload.read() if upload else b""
        if data != b"":
            services.brand_picture_set(actor=request.actor, role=role, data=data)  # type: ignore[attr-defined]
            messages.success(request, pgettext("brand", "The picture is in the draft."))
    except AppError as error:
        messages.error(request, str(error))
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("branding:editor")})
    return redirect("branding:editor")


@guard(EDIT)
@require_POST
def publish(request: HttpRequest) -> HttpResponse:
    try:
        services.brand_publish(actor=request.actor)  # type: ignore[attr-defined]
        messages.success(request, pgettext("brand", "Published. Everybody sees it from the next page on."))
    except AppError as error:
        messages.error(request, str(error))
    return redirect("branding:editor")


@guard(EDIT)
@require_POST
def discard(request: HttpRequest) -> HttpResponse:
    services.brand_draft_discard(actor=request.actor)  # type: ignore[attr-defined]
    return redirect("branding:editor")


@guard(EDIT)
@require_POST
def rollback(request: HttpRequest, version_id: UUID) -> HttpResponse:
    services.brand_rollback(actor=request.actor, version_id=version_id)  # type: ignore[attr-defined]
    messages.success(request, pgettext("brand", "The earlier version is published again."))
    return redirect("branding:editor")


@guard(VIEW)
def languages(request: HttpRequest) -> HttpResponse:
    """What traders may read, the time zone and the currencies."""
    tenant = request.tenant  # type: ignore[attr-defined]
    known = _languages(request)
    currencies = list(tenant.setting("currencies") or ["USD"])
    initial = {
        "languages": known,
        "default_language": known[0],
        "time_zone": tenant.setting("time_zone") or "UTC",
        "currencies": currencies,
        "base_currency": tenant.setting("base_currency") or currencies[0],
    }
    form = LocaleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            services.locale_set(
                actor=request.actor,  # type: ignore[attr-defined]
                languages=_first(values["default_language"], values["languages"]),
                time_zone=values["time_zone"],
                currencies=_first(values["base_currency"], values["currencies"]),
            )
            messages.success(request, pgettext("brand", "Saved."))
            return redirect("branding:languages")
        except AppError as error:
            form.refuse(error)
    values = {"form": form, "may_edit": request.actor.may(EDIT), "offered": offered_languages(request)}  # type: ignore[attr-defined]
    return page(request, "branding/languages.html", values, status=422 if form.errors else 200)


def _first(chosen: str, others: list[str]) -> list[str]:
    return [chosen, *(other for other in others if other != chosen)]


@guard(VIEW)
def domains(request: HttpRequest) -> HttpResponse:
    """The addresses of portal and office."""
    rows = domains_of(request.tenant.id)  # type: ignore[attr-defined]
    return page(request, "branding/domains.html", {"domains": rows})
