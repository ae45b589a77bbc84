"""The sign-up's second half: company, look, owner, and watching the brokerage being made."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from kernel import auth, throttle
from kernel.actors import Actor
from kernel.errors import AppError
from kernel.guards import open_to_all
from kernel.pages import page
from kernel.tenancy import directory
from provisioning import executor, selectors, services
from provisioning.forms import CompanyForm, LookForm, OwnerForm
from provisioning.models import RunState
from provisioning.presets import PRESETS
from shared_apps.site import slugs
from shared_apps.site.models import SignUp
from shared_apps.site.services import sign_up_answer
from shared_apps.site.site.views import sign_up_of
from tenant_apps.branding import looks

View = Callable[[HttpRequest, SignUp], HttpResponse]
REASON = "the session's sign-up, whose address is verified, is the account"


def verified(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Only with a sign-up whose address is verified; one whose set-up runs goes to its progress."""

    @open_to_all(REASON)
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        sign_up = sign_up_of(request)
        if sign_up is None or sign_up.verified_at is None:
            return redirect("site:begin")
        if sign_up.run_id and view.__name__ in {"company", "look", "owner"}:
            run = selectors.run_of(sign_up.run_id)
            changeable = run is not None and run.state == RunState.FAILED and view.__name__ == "company"
            if not changeable:
                return redirect("provisioning:progress")
        return view(request, sign_up)

    return wrapped


def _wizard(request: HttpRequest, template: str, number: int, values: dict[str, Any]) -> HttpResponse:
    status = 422 if getattr(values.get("form"), "errors", None) else 200
    return page(request, template, {"number": number, **values}, status=status)


@verified
def company(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    form = CompanyForm(request.POST or None, initial={"preset": "eu_retail", **sign_up.data})
    if request.method == "POST" and form.is_valid():
        sign_up_answer(sign_up=sign_up, answers=form.cleaned_data)
        if sign_up.run_id:  # the first address was taken meanwhile: the run starts over with this one
            changes = {key: form.cleaned_data[key] for key in ("name", "slug", "preset")}
            services.run_retry(run_id=sign_up.run_id, changes=changes)
            return redirect("provisioning:progress")
        return redirect("provisioning:look")
    chosen = form["preset"].value()
    values = {"form": form, "presets": PRESETS.values(), "chosen": chosen, "domain": settings.PLATFORM_DOMAIN}
    return _wizard(request, "provisioning/company.html", 1, values)


@verified
def slug(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    """Whether the typed address is free; with an empty one, a proposal from the name."""
    throttle.check("slug", str(sign_up.pk), burst=40, per_minute=120)
    name, wished = request.GET.get("name", "")[:60], request.GET.get("slug", "").strip().lower()[:40]
    proposed = wished or slugs.of_company(name)
    answer = slugs.answer(proposed, name) if proposed else None
    values = {"answer": answer, "proposed": not wished, "domain": settings.PLATFORM_DOMAIN}
    return page(request, "provisioning/_slug.html", values)


@verified
def look(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    preset = PRESETS.get(sign_up.data.get("preset", ""))
    if preset is None:
        return redirect("provisioning:company")
    known = sign_up.data.get("languages") or list(preset.languages)
    initial = {
        "theme": preset.theme,
        "colour": preset.colour,
        **sign_up.data,
        "languages": known,
        "default_language": known[0],
    }
    form = LookForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        sign_up_answer(sign_up=sign_up, answers=form.cleaned_data)
        return redirect("provisioning:owner")
    tokens = looks.tokens_of({"colour": form["colour"].value(), "preset": form["theme"].value()})
    values = {"form": form, "swatches": looks.SWATCHES, **_preview(tokens, sign_up)}
    return _wizard(request, "provisioning/look.html", 2, values)


def _preview(tokens: Any, sign_up: SignUp) -> dict[str, Any]:
    report = looks.report(tokens)
    readable = all(line[mode].passed for line in report for mode in ("light", "dark"))
    return {
        "query": looks.query_of(tokens),
        "report": report,
        "readable": readable,
        "company": sign_up.data.get("name", ""),
    }


@verified
def look_preview(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    tokens = looks.tokens_of({"colour": request.GET.get("colour"), "preset": request.GET.get("theme")})
    return page(request, "provisioning/_preview.html", _preview(tokens, sign_up))


@verified
def look_frame(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    return looks.preview_page(request, css_path="/sign-up/look/preview.css", name=sign_up.data.get("name", ""))


@open_to_all("a style sheet made from its address")
def look_css(request: HttpRequest) -> HttpResponse:
    return looks.preview_css(request)


@verified
def owner(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    """The last page; its button starts the set-up."""
    if "theme" not in sign_up.data:
        return redirect("provisioning:look")
    form = OwnerForm(request.POST or None, initial={"owner_name": sign_up.data.get("owner_name", "")})
    if request.method == "POST" and form.is_valid():
        try:
            _start(request, sign_up, form.cleaned_data)
            return redirect("provisioning:progress")
        except AppError as error:
            form.refuse(error)
    values = {
        "form": form,
        "sign_up": sign_up,
        "preset": PRESETS[sign_up.data["preset"]],
        "domain": settings.PLATFORM_DOMAIN,
    }
    return _wizard(request, "provisioning/owner.html", 3, values)


@transaction.atomic
def _start(request: HttpRequest, sign_up: SignUp, values: dict[str, Any]) -> None:
    throttle.check("sign-up-start", throttle.place(request.ip), burst=5, per_minute=1)  # type: ignore[attr-defined]
    auth.check_strength(values["password"], sign_up.email)
    data = sign_up.data
    run = services.run_start(
        request={
            "slug": data["slug"],
            "name": data["name"],
            "preset": data["preset"],
            "languages": data["languages"],
            "look": {"theme": data["theme"], "colour": data["colour"]},
            "owner_email": sign_up.email,
            "owner_name": values["owner_name"],
            "owner_password": make_password(values["password"]),
            "owner_language": get_language() or "en",
        },
        actor=Actor(kind="visitor", label=sign_up.email, ip=request.ip),  # type: ignore[attr-defined]
        run_id=sign_up.pk,  # one brokerage per sign-up, however often the button is pressed
    )
    sign_up_answer(sign_up=sign_up, answers={"owner_name": values["owner_name"]}, run_id=run.pk)


@verified
def progress(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    run = selectors.run_of(sign_up.run_id) if sign_up.run_id else None
    if run is None:
        return redirect("provisioning:company")
    values: dict[str, Any] = {"progress": selectors.progress_of(run), "topic": executor.topic(run.pk), "number": 4}
    if getattr(request, "htmx", False):
        response = page(request, "provisioning/progress.html#lines", values)
        if run.state == RunState.DONE:
            response.headers["HX-Redirect"] = "/sign-up/progress/"
        return response
    if run.state == RunState.DONE:
        return _way_in(request, values, run)
    return page(request, "provisioning/progress.html", values, live=[executor.topic(run.pk)])


def _way_in(request: HttpRequest, values: dict[str, Any], run: Any) -> HttpResponse:
    """Done: post a single-use ticket to the new office, at once the first time, by a button later."""
    ref = directory.by_id(run.tenant_id)
    if ref is None:
        return page(request, "provisioning/progress.html", values)
    first = not request.session.get("handed_over")
    request.session["handed_over"] = True
    address = directory.absolute_url(ref, "office", "/enter/")
    values |= {
        "ticket": services.hand_over_issue(run=run) if first else "",
        "address": address,
        "portal": directory.absolute_url(ref, "portal", "/"),
    }
    response = page(request, "provisioning/ready.html", values)
    target = urlsplit(address)
    response.form_targets = f"'self' {target.scheme}://{target.netloc}"  # type: ignore[attr-defined]
    return response


@verified
@require_POST
def retry(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    if sign_up.run_id:
        try:
            services.run_retry(run_id=sign_up.run_id)
        except AppError:
            return redirect("provisioning:company")
    return redirect("provisioning:progress")


@verified
@require_POST
def enter(request: HttpRequest, sign_up: SignUp) -> HttpResponse:
    """The button "Open the office": another ticket."""
    request.session.pop("handed_over", None)
    return redirect("provisioning:progress")
