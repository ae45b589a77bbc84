"""Trading servers in the office."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel import audit, secrets
from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from kernel.tasks import enqueue
from kernel.ui.toast import toast
from tenant_apps.trading import platforms, selectors
from tenant_apps.trading.bridge import metrics
from tenant_apps.trading.forms import ServerForm
from tenant_apps.trading.models import TradingServer
from tenant_apps.trading.permissions_list import SERVERS_EDIT, SERVERS_VIEW, TYPES_EDIT
from tenant_apps.trading.services import servers as services
from tenant_apps.trading.tasks import compare_server


@guard(SERVERS_VIEW)
def server_list(request: Any) -> HttpResponse:
    """Servers with how their following goes; refetched every few seconds while the page is open."""
    rows = [(server, metrics.read(server.pk)) for server in selectors.servers()]
    values = {"rows": rows, "may_edit": request.actor.may(SERVERS_EDIT)}
    template = "trading/office/servers.html#rows" if request.htmx else "trading/office/servers.html"
    return page(request, template, values)


@guard(SERVERS_EDIT)
def edit(request: Any, server_id: UUID | None = None) -> HttpResponse:
    """Connect a server or change one."""
    server = get_object_or_404(TradingServer, pk=server_id) if server_id else None
    hint = secrets.hints_of(server.secret_owner).get(platforms.PASSWORD, "") if server else ""
    form = ServerForm(request.POST or None, initial=_initial(server), hint=hint, is_new=server is None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            saved = services.server_save(
                actor=request.actor,
                server_id=server_id,
                name=data["name"],
                host=data["host"],
                port=data["port"],
                manager=data["manager"],
                password=data["password"],
                enabled=data["enabled"],
                settings={name: data[name] for name in ("transport", "quiet_period", "public_name")},
            )
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("trading server", "Saved."))
            return redirect("trading:office-server", saved.pk)
    values = {
        "server": server,
        "form": form,
        "types": server.account_types.order_by("order") if server else [],
        "may_edit_types": request.actor.may(TYPES_EDIT),
    }
    return page(request, "trading/office/server.html", values, status=422 if request.method == "POST" else 200)


def _initial(server: TradingServer | None) -> dict[str, Any]:
    if server is None:
        return {}
    fields = {name: getattr(server, name) for name in ("name", "host", "port", "manager", "enabled")}
    return fields | {
        "quiet_period": int(platforms.quiet_period(server).total_seconds()),
        "transport": server.settings.get("transport") or "https",
        "public_name": server.settings.get("public_name", ""),
    }


@guard(SERVERS_EDIT)
@require_POST
def test(request: Any, server_id: UUID) -> HttpResponse:
    """Log in anew and look: rights, clock, delay."""
    server = get_object_or_404(TradingServer, pk=server_id)
    probe = services.server_test(actor=request.actor, server=server)
    hours = probe.utc_offset.total_seconds() / 3600
    return render(request, "trading/office/_probe.html", {"probe": probe, "hours": f"{hours:+g}"})


@guard(SERVERS_EDIT)
@require_POST
def compare(request: Any, server_id: UUID) -> HttpResponse:
    """Compare the last days with the server now, in the background."""
    server = get_object_or_404(TradingServer, pk=server_id)
    with transaction.atomic():
        audit.record(actor=request.actor, action="trading.compare_requested", obj=server)
        enqueue(compare_server, str(server.pk))
    response = HttpResponse(status=204)
    toast(response, pgettext("trading server", "The comparison has begun. Differences appear as cases."), "info")
    return response
