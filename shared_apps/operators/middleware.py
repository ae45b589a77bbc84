"""What the shells and doors do while an operator is inside, and while a brokerage is suspended or read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import pgettext

from kernel.middleware import error_response
from kernel.ui.context import update
from kernel.ui.formatting import time_text

from . import break_glass
from .errors import ReadOnly

# Coming in and going out changes nothing of the brokerage's; what providers tell of money on its way is always taken,
# and nobody has to go on receiving mail.
READ_ONLY_PATHS = (
    "/break-glass/",
    "/i18n/",
    "/login/",
    "/second-factor/",
    "/logout/",
    "/webhooks/",
    "/mail/unsubscribe/",
)
READ_ONLY_LINKS = ("/verify/",)  # mailed links whose opening is what changes something
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

Next = Callable[[HttpRequest], HttpResponse]
OPEN_PATHS = ("/break-glass/", "/i18n/", "/brand/", "/healthz/", "/static/", "/logout/", "/manifest.webmanifest")


class BreakGlassMiddleware:
    """The permanent banner with its "leave" button; a session whose entry was ended elsewhere is nobody's from then on."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        entry = request.session.get("break_glass") if getattr(request, "surface", "") == "office" else None
        if entry and not break_glass.is_open(entry["entry_id"]):
            request.session.flush()
            return redirect(settings.LOGIN_URL)
        if entry:
            until = time_text(datetime.fromtimestamp(entry["until"], UTC))
            words = (
                pgettext(
                    "break-glass",
                    "You are inside as %(name)s of Rialto, with the right to change things, until %(until)s.",
                )
                if entry["write"]
                else pgettext("break-glass", "You are inside as %(name)s of Rialto, to read only, until %(until)s.")
            )
            update(
                notice=f"{words % {'name': entry['operator'], 'until': until}} {entry['reason']}",
                notice_tone="danger",
                notice_url="/break-glass/leave/",
                notice_action=pgettext("break-glass", "Leave"),
            )
        response = self.get_response(request)
        if entry:  # leaving is a form that ends on the console's host; browsers hold redirects to the policy too
            response.form_targets = f"'self' {console_url()}"  # type: ignore[attr-defined]
        return response


def console_url() -> str:
    return f"{settings.PUBLIC_SCHEME}://console.{settings.PLATFORM_DOMAIN}{settings.PUBLIC_PORT_SUFFIX}"


class TenantStateMiddleware:
    """Suspended: staff find a closed door, traders a notice and the way to their money. Read-only: nothing is changed.

    Read-only holds for everybody in office and portal, by the request's method, and for staff by their rights too.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant = getattr(request, "tenant", None)
        if tenant is None or tenant.state not in {"suspended", "read_only"}:
            return self.get_response(request)
        surface = request.surface  # type: ignore[attr-defined]
        operator = request.actor.kind == "operator"  # type: ignore[attr-defined]
        if tenant.state == "suspended":
            if surface == "office" and not operator and not request.path.startswith(OPEN_PATHS):
                return render(request, "operators/office_suspended.html", status=403)
            if surface == "portal":
                update(
                    notice=pgettext(
                        "suspension", "Trading and deposits are paused for now. You can log in and withdraw your money."
                    )
                )
        elif not operator:
            if self._writes(request):
                return error_response(request, ReadOnly())
            if surface == "office":
                request.actor = replace(request.actor._wrapped, read_only=True)  # type: ignore[attr-defined]
            update(notice=pgettext("suspension", "This brokerage is read-only for now. Nothing can be changed."))
        return self.get_response(request)

    def _writes(self, request: HttpRequest) -> bool:
        if request.method in SAFE:
            return request.path.startswith(READ_ONLY_LINKS)
        return not request.path.startswith(READ_ONLY_PATHS)
