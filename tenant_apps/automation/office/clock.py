"""The demo's clock in the office: what time it is, and buttons that let time pass."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel import clock
from kernel.errors import AppError, Invalid
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.automation import demo_clock


@guard("demo.clock")
def demo_clock_page(request: HttpRequest) -> HttpResponse:
    demo_clock.require_movable()
    values = {"now": clock.now(), "shift_days": round(clock.shift() / 86_400, 1), "job": demo_clock.job_last()}
    return page(request, "automation/clock.html", values, live=["demo-clock"])


@guard("demo.clock")
@require_POST
def move(request: HttpRequest) -> HttpResponse:
    demo_clock.require_movable()
    by = demo_clock.STEPS.get(request.POST.get("by", ""))
    if by is None:
        raise Invalid(field="by")
    _, followed = demo_clock.clock_advance(by=by, actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("demo clock", "The clock has moved. What became due happens within seconds."))
    if not followed:
        messages.warning(request, pgettext("demo clock", "The trading sandbox did not answer; its clock stayed."))
    return redirect("automation:demo-clock")


@guard("demo.clock")
@require_POST
def days(request: HttpRequest) -> HttpResponse:
    demo_clock.require_movable()
    try:
        demo_clock.days_start(actor=request.actor)  # type: ignore[attr-defined]
    except AppError as error:
        messages.error(request, str(error))
    return redirect("automation:demo-clock")
