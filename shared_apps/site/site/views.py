"""The home page and the sign-up's first pages."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, pgettext

from kernel.errors import AppError
from kernel.guards import open_to_all
from kernel.pages import page
from shared_apps.site import content, services
from shared_apps.site.forms import CodeForm, EmailForm
from shared_apps.site.models import SignUp

NEXT = "/sign-up/company/"


def sign_up_of(request: HttpRequest) -> SignUp | None:
    """The visitor's own, by the session."""
    key = request.session.get("sign_up")
    return SignUp.objects.filter(pk=key).first() if key else None


def remember(request: HttpRequest, sign_up: SignUp) -> None:
    request.session["sign_up"] = str(sign_up.pk)
    request.session.set_expiry(7 * 24 * 3600)


@open_to_all("the platform's home page")
def home(request: HttpRequest) -> HttpResponse:
    return page(request, "site/home.html", {"features": content.FEATURES, "steps": content.STEPS, "line": content.LINE})


@open_to_all("whoever signs up has no account yet")
def begin(request: HttpRequest) -> HttpResponse:
    """The e-mail address. A hidden field catches robots, who are thanked and forgotten."""
    known = sign_up_of(request)
    form = EmailForm(request.POST or None, initial={"email": known.email if known else ""})
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["website"]:
            return redirect("site:code")
        try:
            sign_up = services.sign_up_begin(
                email=form.cleaned_data["email"],
                language=get_language() or "en",
                ip=request.ip,  # type: ignore[attr-defined]
                sign_up_id=known.pk if known else None,
            )
        except AppError as error:
            form.add_error("email", str(error))
        else:
            request.session.cycle_key()
            remember(request, sign_up)
            return redirect("site:code")
    if known and known.verified_at and request.method == "GET" and "again" not in request.GET:
        return redirect(NEXT)
    return page(request, "site/begin.html", {"form": form}, status=422 if form.errors else 200)


@open_to_all("whoever signs up has no account yet")
def code(request: HttpRequest) -> HttpResponse:
    """The mailed code; or a new one."""
    sign_up = sign_up_of(request)
    if sign_up is None:
        return redirect("site:begin")
    if request.method == "POST" and "again" in request.POST:
        try:
            services.sign_up_begin(
                email=sign_up.email,
                language=get_language() or "en",
                ip=request.ip,  # type: ignore[attr-defined]
                sign_up_id=sign_up.pk,
            )
            messages.success(request, pgettext("sign-up", "A new code is on its way."))
        except AppError as error:
            messages.error(request, str(error))
        return redirect("site:code")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.sign_up_verify(sign_up=sign_up, code=form.cleaned_data["code"])
            return redirect(NEXT)
        except AppError as error:
            form.add_error("code", str(error))
    return page(request, "site/code.html", {"form": form, "sign_up": sign_up}, status=422 if form.errors else 200)


@open_to_all("the mailed link is the proof")
def resume(request: HttpRequest, token: str) -> HttpResponse:
    """Back to where the visitor was, on any device."""
    sign_up = services.sign_up_resume(token=token)
    request.session.cycle_key()
    remember(request, sign_up)
    return redirect(NEXT)
