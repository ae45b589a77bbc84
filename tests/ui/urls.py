from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import include, path

from kernel.ui import nav, views
from kernel.ui.brand import BrandTokens, brand_css
from kernel.ui.errors import render_error
from kernel.ui.toast import toast

ENTRIES = [
    ("layout-dashboard", "Dashboard", None),
    ("users", "Clients", None),
    ("wallet", "Wallet", None),
    ("chart-candlestick", "Trading", 38),
    ("shield-check", "KYC review", 12),
]


def _register_navigation() -> None:
    for surface in ("office", "portal", "console"):
        nav.register_section(surface, "overview", "Overview", order=1)
        for order, (icon, label, count) in enumerate(ENTRIES):
            item = nav.NavItem(
                label=label,
                url="/styleguide/" if label == "Clients" else f"/styleguide/{icon}/",
                icon=icon,
                order=order,
                badge=None if count is None else lambda request, count=count: count,
                phone=order < 4,
            )
            nav.register(surface, item, section="overview")


_register_navigation()
handler404 = "kernel.ui.errors.page_not_found"


def shell(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, f"{name}.html")


def brand(request: HttpRequest, colour: str) -> HttpResponse:
    return HttpResponse(brand_css(BrandTokens(colour=f"#{colour}", radius="lg")), content_type="text/css")


def refuse(request: HttpRequest, status: int) -> HttpResponse:
    return render_error(request, status)


def domain_error(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/fragment.html", {"error": "The hold has expired."}, status=409)


moves: list[dict[str, str]] = []


def move(request: HttpRequest) -> HttpResponse:
    moves.append({key: request.POST[key] for key in ("card", "column", "position")})
    return HttpResponse(status=204)


def moved(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"moves": moves})


def toasted(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(status=204)
    toast(response, "محفوظ", "success")
    return response


def refused_form(request: HttpRequest) -> HttpResponse:
    """A form that comes back with its errors, as a page or as the part of one."""
    if request.headers.get("HX-Request"):
        part = '<input id="good"><div class="ui-field-invalid"><input id="wrong"></div><input aria-invalid="true">'
        return HttpResponse(part, status=422)
    response = views.styleguide(request)
    response.status_code = 422
    return response


urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("styleguide/notifications/", views.styleguide_notifications),
    path("shell/<slug:name>/", shell),
    path("brand/<slug:colour>.css", brand),
    path("error/<int:status>/", refuse),
    path("test/toast/", toasted),
    path("test/refused/", refused_form),
    path("test/move/", move),
    path("test/moved/", moved),
    path("test/domain-error/", domain_error),
]
