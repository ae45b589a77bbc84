"""The product's mails in the brokerage's own words: written per language, looked at, tried out, taken back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET, require_POST

from kernel import throttle
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.campaigns import selectors, texts, wording
from tenant_apps.campaigns.forms import BLOCK_KINDS, drawn, language_choices, text_from_post
from tenant_apps.notifications.frames import mail_frame
from tenant_apps.notifications.services import language_for

RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")


def _key(key: str) -> str:
    if key not in texts.MAILS:
        raise NotFound
    return key


def _language(request: HttpRequest) -> str:
    asked = request.POST.get("language") or request.GET.get("language", "")
    return asked if asked in dict(language_choices()) else language_for("")


@guard("campaigns.view")
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    own = selectors.own_wordings()
    rows = [
        (key, wording.NAMES.get(key, key), [(code, name, (key, code) in own) for code, name in language_choices()])
        for key in texts.MAILS
    ]
    return page(request, "campaigns/mail_texts.html", {"mails": rows})


@guard("campaigns.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """One mail in one language; the button pressed saves it or sends it to oneself."""
    mail, language = _key(key), _language(request)
    text, problem = texts.mail_text(mail, language)[1], ""
    if request.method == "POST":
        text = text_from_post(request.POST)
        try:
            if request.POST.get("act") != "try":
                wording.mail_text_save(key=mail, language=language, text=text, actor=request.actor)  # type: ignore[attr-defined]
                messages.success(request, pgettext("mail text", "Saved. Mails from now on use these words."))
                return redirect(f"{reverse('campaigns:mail-text', args=[mail])}?language={language}")
            _try(request, mail, language, text)
        except AppError as error:
            problem = str(error)
    own = selectors.own_wordings()
    values = {
        "key": mail, "name": wording.NAMES.get(mail, mail), "language": language, "text": text, "problem": problem,
        "blocks": drawn(text["blocks"]), "kinds": BLOCK_KINDS, "rtl": language in RIGHT_TO_LEFT,
        "languages": [(code, name, (mail, code) in own) for code, name in language_choices()],
        "own": (mail, language) in own, "placeholders": wording.placeholders(mail), "preview_id": "mail-preview",
    }  # fmt: skip
    return page(request, "campaigns/mail_text.html", values, status=422 if problem else 200)


def _try(request: Any, key: str, language: str, text: dict[str, Any]) -> None:
    """To one's own address only. An operator who is inside has none here."""
    if request.account is None or request.actor.kind != "staff":
        raise NotFound
    throttle.check("mail-text-try", str(request.account.pk), burst=5, per_minute=2)
    wording.mail_text_try(key=key, language=language, text=text, to=request.account.email, actor=request.actor)
    messages.success(
        request, pgettext("mail text", "A test is on its way to %(address)s.") % {"address": request.account.email}
    )


@guard("campaigns.edit")
@xframe_options_exempt
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """The mail as it arrives: the words in use, or those of the form that is posted here. Nothing in it can run or load."""
    mail, language = _key(key), _language(request)
    text = text_from_post(request.POST) if request.method == "POST" else texts.mail_text(mail, language)[1]
    return mail_frame(wording.mail_rendered(key=mail, language=language, text=text).html)


@guard("campaigns.edit")
@require_POST
def reset(request: HttpRequest, key: str) -> HttpResponse:
    mail, language = _key(key), _language(request)
    wording.mail_text_reset(key=mail, language=language, actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("mail text", "The default words are back."))
    return redirect(f"{reverse('campaigns:mail-text', args=[mail])}?language={language}")
