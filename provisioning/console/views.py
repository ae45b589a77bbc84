"""Creating a broker from the console, and the journals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from provisioning import executor, selectors, services
from provisioning.forms import BrokerForm
from provisioning.models import ProvisioningRun
from provisioning.presets import PRESETS
from shared_apps.operators import audit


@guard("console.tenants.create")
def new(request: HttpRequest) -> HttpResponse:
    """The same workflow as signing up; the owner chooses a password by "forgot password" in the office."""
    begins = {"preset": "eu_retail", "theme": "base", "colour": PRESETS["eu_retail"].colour}
    form = BrokerForm(request.POST or None, initial=begins)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("provisioning:run", _start(request, form.cleaned_data).pk)
        except AppError as error:
            form.refuse(error)
    values = {
        "form": form,
        "presets": PRESETS.values(),
        "chosen": form["preset"].value(),
        "domain": settings.PLATFORM_DOMAIN,
        "crumbs": [(pgettext("console", "Brokers"), "/"), (pgettext("console", "Create a broker"), "")],
    }
    return page(request, "provisioning/console_new.html", values, status=422 if form.errors else 200)


@transaction.atomic
def _start(request: HttpRequest, values: dict[str, Any]) -> ProvisioningRun:
    actor = request.actor  # type: ignore[attr-defined]
    run = services.run_start(
        request={
            "slug": values["slug"],
            "name": values["name"],
            "preset": values["preset"],
            "look": {"theme": values["theme"], "colour": values["colour"]},
            "owner_email": values["owner_email"].lower(),
            "owner_name": values["owner_name"],
            "owner_password": make_password(None),
            "owner_language": PRESETS[values["preset"]].languages[0],
        },
        actor=actor,
    )
    audit.record(
        actor=actor,
        action="tenant.requested",
        label=values["name"],
        tenant_id=run.tenant_id,
        after={"slug": values["slug"], "preset": values["preset"]},
    )
    return run


@guard("console.tenants.view")
def runs(request: HttpRequest) -> HttpResponse:
    """All set-ups, newest first, and how long they took."""
    rows = list(ProvisioningRun.objects.order_by("-created_at")[:200])
    return page(request, "provisioning/console_runs.html", {"rows": rows, "timing": selectors.timing()})


@guard("console.tenants.view")
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    row = get_object_or_404(ProvisioningRun, pk=run_id)
    values = {
        "progress": selectors.progress_of(row),
        "topic": executor.topic(row.pk),
        "technical": True,
        "crumbs": [
            (pgettext("console", "Brokers"), "/"),
            (pgettext("console", "Set-ups"), "/runs/"),
            (row.request["name"], ""),
        ],
    }
    template = (
        "provisioning/console_run.html#lines" if getattr(request, "htmx", False) else "provisioning/console_run.html"
    )
    return page(request, template, values, live=[executor.topic(row.pk)])


@guard("console.tenants.create")
@require_POST
def retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    try:
        row = services.run_retry(run_id=run_id)
        audit.record(
            actor=request.actor,  # type: ignore[attr-defined]
            action="tenant.set_up_retried",
            label=row.request["name"],
            tenant_id=row.tenant_id,
        )
    except AppError as error:
        messages.error(request, str(error))
    return redirect("provisioning:run", run_id)
