"""The form on a landing page, the same form to be embedded anywhere, and the API behind both.

None of them acts with anybody's rights, so they need no CSRF token: within a frame of another site there is no cookie.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import override, pgettext_lazy
from django.views.decorators.csrf import csrf_exempt

from kernel.errors import AppError, Invalid
from kernel.guards import open_to_all
from kernel.middleware import Unstorable, offered_languages, storable
from kernel.pages import page
from kernel.ui.forms import PhoneField, UiForm
from tenant_apps.leads.capture import SOURCE_KEYS, capture, form_token, home_countries

MOST_BYTES = 16_384


class CaptureForm(UiForm, forms.Form):
    """What a visitor fills in."""

    first_name = forms.CharField(label=pgettext_lazy("lead form", "First name"), max_length=80,
                                 widget=forms.TextInput(attrs={"autocomplete": "given-name"}))  # fmt: skip
    last_name = forms.CharField(label=pgettext_lazy("lead form", "Last name"), max_length=80,
                                widget=forms.TextInput(attrs={"autocomplete": "family-name"}))  # fmt: skip
    email = forms.EmailField(label=pgettext_lazy("lead form", "E-mail address"),
                             widget=forms.EmailInput(attrs={"autocomplete": "email"}))  # fmt: skip
    phone = PhoneField(label=pgettext_lazy("lead form", "Mobile phone"))
    consent = forms.BooleanField(
        label=pgettext_lazy("lead form", "You may contact me by phone and e-mail about opening an account.")
    )

    def __init__(self, *args: Any, ip: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone"].assume(*home_countries(ip))  # type: ignore[attr-defined]


def _form_page(request: HttpRequest, template: str) -> HttpResponse:
    ip = request.ip  # type: ignore[attr-defined]
    source = {name: request.GET.get(name, "")[:300] for name in SOURCE_KEYS if request.GET.get(name)}
    source.setdefault("referrer", request.headers.get("Referer", "")[:300])
    form = CaptureForm(request.POST or None, ip=ip)
    sent, status = False, 200
    if request.method == "POST":
        source = {name: request.POST.get(name, "")[:300] for name in SOURCE_KEYS if request.POST.get(name)}
        if form.is_valid():
            try:
                capture({**request.POST.dict(), **form.cleaned_data}, ip=ip, language=request.LANGUAGE_CODE, form=True)  # type: ignore[attr-defined]
                sent = True
            except AppError as error:
                form.refuse(error)
        status = 200 if sent else 422
    values = {"form": form, "sent": sent, "token": form_token(), "source": source}
    if template == "leads/embedded.html":
        return render(request, template, values, status=status)
    return page(request, template, values, status=status)


@csrf_exempt
@open_to_all("a landing page is for everybody")
def welcome(request: HttpRequest) -> HttpResponse:
    """A landing page with the form, to show and to link campaigns to."""
    return _form_page(request, "leads/welcome.html")


@csrf_exempt
@open_to_all("the form on other people's pages")
def embedded(request: HttpRequest) -> HttpResponse:
    """The form alone, to be shown in a frame of any site (static/leads/embed.js makes the frame)."""
    wanted = request.GET.get("language", "")
    language = wanted if wanted in offered_languages(request) else request.LANGUAGE_CODE  # type: ignore[attr-defined]
    request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
    with override(language):
        response = _form_page(request, "leads/embedded.html")
    response.frame_ancestors = "*"  # type: ignore[attr-defined]
    return response


@csrf_exempt
@open_to_all("landing pages of the broker send leads from the visitor's browser")
def api(request: HttpRequest) -> HttpResponse:
    """`POST` JSON: email, first_name, consent, and as far as known last_name, phone, country, language, utm_* …

    202 with {"status": "accepted"}, whether the lead is new, known or spam; 422 with the field that is wrong.
    """
    if request.method == "OPTIONS":
        return _cors(HttpResponse(status=204))
    if request.method != "POST":
        return _cors(HttpResponse(status=405, headers={"Allow": "POST, OPTIONS"}))
    try:
        capture(_json(request), ip=request.ip, language=request.LANGUAGE_CODE, form=False)  # type: ignore[attr-defined]
    except AppError as error:
        body = {"code": error.code, "title": str(error), "field": error.field}
        response = JsonResponse(body, status=error.status, content_type="application/problem+json")
        if retry := error.data.get("retry_after"):
            response.headers["Retry-After"] = str(retry)
        return _cors(response)
    return _cors(JsonResponse({"status": "accepted"}, status=202))


def _json(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MOST_BYTES:
        raise Invalid(pgettext_lazy("lead form", "This is too much."))
    try:
        data = json.loads(request.body)
    except ValueError as error:
        raise Invalid(pgettext_lazy("lead form", "This is not JSON.")) from error
    if not isinstance(data, dict):
        raise Invalid(pgettext_lazy("lead form", "This is not a JSON object."))
    if not storable(data):
        raise Unstorable
    return data


def _cors(response: HttpResponse) -> HttpResponse:
    """Any site may post; no cookie is read, so nothing is given away."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Content-Type"
    return response
