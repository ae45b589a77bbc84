"""The broker's side of break-glass: trade the ticket for a session, and leave."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from kernel import throttle
from kernel.guards import open_to_all, signed_in
from shared_apps.operators import break_glass
from shared_apps.operators.middleware import console_url


@csrf_exempt  # posted from the console's host; the single-use ticket is the proof
@open_to_all("the ticket says who comes")
@require_POST
@transaction.atomic
def enter(request: HttpRequest) -> HttpResponse:
    """A fresh session that holds the entry and nothing else, and ends with it."""
    throttle.check("break-glass", throttle.place(request.ip), burst=10, per_minute=10)  # type: ignore[attr-defined]
    entry = break_glass.entry_use(secret=request.POST.get("ticket", ""), ip=request.ip)  # type: ignore[attr-defined]
    request.session.flush()
    request.session["break_glass"] = entry
    request.session.set_expiry(max(1, int(entry["until"] - _now())))
    return redirect("/")


def _now() -> float:
    from kernel import clock

    return clock.now().timestamp()


@signed_in
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End the entry and go back to the console."""
    entry = request.session.get("break_glass")
    if entry:
        break_glass.entry_end(entry_id=entry["entry_id"])
        request.session.flush()
    return redirect(f"{console_url()}/")
