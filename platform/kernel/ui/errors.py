"""Error pages. In the root URLconf: `handler404 = "kernel.ui.errors.page_not_found"` and so on.

An htmx request gets a toast and no page, because a page must not land inside a table cell. `CSRF_FAILURE_VIEW` is
`kernel.ui.errors.csrf_failure`.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import pgettext

from kernel.ui.toast import toast

STATUSES = (400, 403, 404, 409, 429, 500, 503)
_LAST_RESORT = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Error</title>'
    "<h1>Something went wrong on our side</h1><p>Please try again in a moment.</p></html>"
)


def _short_text(status: int) -> str:
    texts = {
        400: pgettext("error", "This request could not be understood"),
        403: pgettext("error", "You may not do that."),
        404: pgettext("error", "That is no longer there."),
        409: pgettext("error", "This was changed meanwhile. Reload the page to see how it stands now."),
        429: pgettext("error", "Too many requests. Please wait a moment."),
        503: pgettext("error", "This service is being updated. Please try again in a moment."),
    }
    return texts.get(status) or pgettext("error", "Something went wrong on our side. Nothing was changed.")


def render_error(
    request: HttpRequest, status: int, *, message: str | Promise = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    """The page for `status`, or a toast for htmx. `message` replaces the general text; never put secrets into it."""
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=status, headers=headers)
        toast(response, message or _short_text(status), "danger")
        return response
    context = {"message": message, "request_id": getattr(request, "request_id", "")}
    response = render(request, f"{status}.html", context, status=status)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400"""
    return render_error(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403"""
    return render_error(request, 403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404"""
    return render_error(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: must answer even when the database, a context processor or the theme is what broke."""
    try:
        return render_error(request, 500)
    except Exception:  # noqa: BLE001  the error is already logged; a second one must not hide it
        return HttpResponse(_LAST_RESORT, status=500)


def csrf_failure(request: HttpRequest, reason: str = "", **kwargs: Any) -> HttpResponse:
    """A form opened too long ago, or in a browser that keeps no cookies."""
    return render_error(
        request,
        403,
        message=pgettext("error", "This page was open for too long. Reload it and send the form again."),
    )
