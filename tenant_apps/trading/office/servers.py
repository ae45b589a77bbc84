"""Trading servers in the office."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel import audit, secrets, throttle
from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from kernel.tasks import enqueue
from kernel.ui.toast import toast
from tenant_apps.trading import platforms, selectors
from tenant_apps.trading.bridge import metrics
from tenant_apps.trading.forms import SERVER_FORMS
from tenant_apps.trading.models import Platform, TradingServer
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
    """Connect a server, of the platform the address names, or change one."""
    server = get_object_or_404(TradingServer, pk=server_id) if server_id else None
    known = server is not None and platforms.PASSWORD in secrets.hints_of(server.secret_owner)
    kind = server.kind if server else request.GET.get("kind", Platform.MT5.value)
    if kind not in SERVER_FORMS:
        raise Http404
    form = SERVER_FORMS[kind](
        request.POST or None, initial=_initial(server) if server else {}, known=known, is_new=server is None
    )
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
                settings=form.settings,
                kind=kind,
            )
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("trading server", "Saved."))
            return redirect("trading:office-server", saved.pk)
    values = {
        "server": server,
        "form": form,
        "kind": kind,
        "kinds": [] if server else Platform.choices,
        "types": server.account_types.order_by("order") if server else [],
        "may_edit_types": request.actor.may(TYPES_EDIT),
    }
    return page(request, "trading/office/server.html", values, status=422 if request.method == "POST" else 200)


def _initial(server: TradingServer) -> dict[str, Any]:
    fields = {name: getattr(server, name) for name in ("name", "host", "port", "manager", "enabled")}
    kept = {name: server.settings[name] for name in SERVER_FORMS[server.kind].setting_names if name in server.settings}
    return {**fields, **kept, "quiet_period": int(platforms.quiet_period(server).total_seconds())}


@guard(SERVERS_EDIT)
@require_POST
def test(request: Any, server_id: UUID) -> HttpResponse:
    """Log in anew and look: rights, clock, delay."""
    server = get_object_or_404(TradingServer, pk=server_id)
    throttle.check("trading.test", request.actor.id, burst=10, per_minute=5)
    probe = services.server_test(actor=request.actor, server=server)
    return render(request, "trading/office/_probe.html", {"probe": probe, "offset": _offset_text(probe.utc_offset)})


def _offset_text(offset: timedelta) -> str:
    """`UTC+02:00`, as clocks everywhere say it."""
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


@guard(SERVERS_EDIT)
@require_POST
def compare(request: Any, server_id: UUID) -> HttpResponse:
    """Compare the last days with the server now, in the background."""
    server = get_object_or_404(TradingServer, pk=server_id)
    throttle.check("trading.compare", request.actor.id, burst=5, per_minute=1)
    with transaction.atomic():
        audit.record(actor=request.actor, action="trading.compare_requested", obj=server)
        enqueue(compare_server, str(server.pk))
    response = HttpResponse(status=204)
    toast(response, pgettext("trading server", "The comparison has begun. Differences appear as cases."), "info")
    return response
