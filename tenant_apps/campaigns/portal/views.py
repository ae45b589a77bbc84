"""Unsubscribing: a GET only asks, so that link scanners unsubscribe nobody; a POST does it (RFC 8058 sends one itself)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from kernel import throttle
from kernel.guards import open_to_all
from kernel.pages import page
from tenant_apps.campaigns import series


@open_to_all("people unsubscribe from a mail without logging in; the link is signed")
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    throttle.check("unsubscribe", throttle.place(getattr(request, "ip", None)), burst=30, per_minute=30)
    enrolment = series.enrolment_of_token(token)
    if enrolment is None:
        return page(request, "campaigns/unsubscribe.html", {"state": "unknown"}, status=404)
    if request.method == "POST":
        series.unsubscribe(enrolment=enrolment)
        return page(request, "campaigns/unsubscribe.html", {"state": "done"})
    state = "done" if series.suppressed(enrolment.client.email) else "ask"
    return page(request, "campaigns/unsubscribe.html", {"state": state})
