"""Pages of the console. Each parses, calls one service or selector, and renders."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel import clock, panels
from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from kernel.tenancy import directory
from kernel.ui.tables import Column, TableSpec, build_table
from shared_apps.console import selectors, services
from shared_apps.operators import break_glass
from shared_apps.operators.models import OperatorAuditEntry
from shared_apps.tenants.models import Tenant, TenantState

VIEW = "console.tenants.view"
BROKERS = TableSpec(
    default_sort="-created",
    columns=[
        Column(key="name", label=pgettext_lazy("console", "Broker"), sort="name"),
        Column(key="state", label=pgettext_lazy("console", "State"), sort="state"),
        Column(key="plan", label=pgettext_lazy("console", "Plan and version"), sort="plan"),
        Column(key="lag", label=pgettext_lazy("console", "Event lag"), sort="lag", align="num"),
        Column(key="dead", label=pgettext_lazy("console", "Dead letters"), sort="dead", align="num"),
        Column(key="commands", label=pgettext_lazy("console", "Commands"), sort="commands", align="num"),
        Column(
            key="live", label=pgettext_lazy("console", "Live delay"), sort="live", align="num", css_class="ui-from-lg"
        ),
        Column(key="size", label=pgettext_lazy("console", "Size"), sort="size", align="num", css_class="ui-from-lg"),
        Column(key="event", label=pgettext_lazy("console", "Last event"), sort="event", align="end"),
    ],
)
AUDIT = TableSpec(default_sort="-at", columns=[Column(key="at", label=pgettext_lazy("console", "When"), sort="id")])


@guard(VIEW)
def brokers(request: HttpRequest) -> HttpResponse:
    """All brokers with their health; the vendor's figures above."""
    query = request.GET
    rows = selectors.brokers(
        search=query.get("q", "").strip(), state=query.get("state", ""), sort=query.get("sort") or BROKERS.default_sort
    )
    values: dict[str, Any] = {
        "table": {"headings": BROKERS.headings(query)},
        "rows": rows,
        "states": [(value, label) for value, label in TenantState.choices if value != TenantState.DELETED],
    }
    if getattr(request, "htmx", False):
        return page(request, "console/brokers.html#rows", values)
    counts = selectors.counts_by_state()
    values |= {
        "counts": counts,
        "suspended": counts.get("suspended", 0) + counts.get("read_only", 0),
        "troubled": sum(row.health.tone == "danger" for row in rows),
        "overview": _drawn("console.overview", request, None),
    }
    return page(request, "console/brokers.html", values)


def _drawn(slot: str, request: HttpRequest, subject: Any) -> list[tuple[Any, Any]]:
    drawn = [(found, panels.rendered(found, request, subject)) for found in panels.panels(slot, request)]
    return [(found, html) for found, html in drawn if html]


@guard(VIEW)
def broker(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """One broker: state, addresses, health, who entered, and what apps above add."""
    tenant = get_object_or_404(Tenant, pk=tenant_id)
    health = selectors.healths([tenant])[tenant.pk]
    served = tenant.state in {"active", "read_only", "suspended", "offboarding"}
    values = {
        "tenant": tenant,
        "row": selectors.Row(tenant, health, ""),
        "served": served,
        "domains": tenant.domains.order_by("surface", "-primary"),
        "addresses": _addresses(tenant) if served else {},
        "entries": selectors.entries_of(tenant),
        "now": clock.now(),
        "settings": {
            key: tenant.settings.get(key) for key in ("preset", "languages", "currencies", "time_zone", "theme")
        },
        "panels": _drawn("console.tenant", request, tenant),
        "audit": OperatorAuditEntry.objects.filter(tenant_id=tenant.pk).order_by("-id")[:10],
        "crumbs": [(pgettext("console", "Brokers"), "/"), (tenant.name, "")],
    }
    return page(request, "console/broker.html", values)


def _addresses(tenant: Tenant) -> dict[str, str]:
    ref = tenant.ref()
    return {surface: directory.absolute_url(ref, surface, "/") for surface in ("portal", "office")}


@guard("console.tenants.state")
def broker_state(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Ask for a reason, then change the state."""
    tenant = get_object_or_404(Tenant, pk=tenant_id)
    to = request.POST.get("to") or request.GET.get("to", "")
    values: dict[str, Any] = {"tenant": tenant, "to": to, "reason": request.POST.get("reason", "")}
    if request.method != "POST":
        return render(request, "console/state_modal.html", values)
    try:
        services.state_change(
            actor=request.actor,  # type: ignore[attr-defined]
            tenant_id=tenant_id,
            to=to,
            reason=values["reason"],
        )
    except AppError as error:
        return render(request, "console/state_modal.html", values | {"error": str(error)}, status=422)
    messages.success(request, pgettext("console", "The state is changed. All processes obey within a second."))
    response = HttpResponse(status=204)
    response.headers["HX-Redirect"] = f"/brokers/{tenant_id}/"
    return response


@guard("console.enter")
def broker_enter(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Break-glass: reason, minutes, read or write; then a page that posts the ticket to the broker's office."""
    tenant = get_object_or_404(Tenant, pk=tenant_id)
    values: dict[str, Any] = {"tenant": tenant, "form": request.POST, "minutes": (15, 30, 60)}
    if request.method != "POST":
        return page(request, "console/enter.html", values)
    try:
        ticket = break_glass.entry_request(
            actor=request.actor,  # type: ignore[attr-defined]
            tenant_id=tenant_id,
            reason=request.POST.get("reason", ""),
            minutes=_whole(request.POST.get("minutes", "")),
            write=request.POST.get("write") == "1",
        )
    except AppError as error:
        return page(request, "console/enter.html", values | {"error": str(error)}, status=422)
    response = page(request, "console/enter_go.html", {"tenant": tenant, "ticket": ticket})
    target = urlsplit(ticket.address)
    response.form_targets = f"'self' {target.scheme}://{target.netloc}"  # type: ignore[attr-defined]
    return response


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


@guard("console.enter")
@require_POST
def entry_end(request: HttpRequest, entry_id: UUID) -> HttpResponse:
    """Close an open entry from outside: the session inside ends with its next request."""
    break_glass.entry_end(entry_id=entry_id, by="console")
    messages.success(request, pgettext("console", "The entry is closed."))
    back = request.POST.get("back", "")
    return redirect(back if back.startswith("/brokers/") else "/")


@guard(VIEW)
def dead_letters(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    tenant = get_object_or_404(Tenant, pk=tenant_id)
    values = {
        "tenant": tenant,
        "letters": selectors.dead_letters(tenant.ref()),
        "crumbs": [
            (pgettext("console", "Brokers"), "/"),
            (tenant.name, f"/brokers/{tenant.pk}/"),
            (pgettext("console", "Dead letters"), ""),
        ],
    }
    return page(request, "console/dead_letters.html", values)


@guard("console.tenants.state")
@require_POST
def replay(request: HttpRequest, tenant_id: UUID, message_id: UUID) -> HttpResponse:
    services.dead_letter_replay(
        actor=request.actor,  # type: ignore[attr-defined]
        tenant_id=tenant_id,
        message_id=message_id,
        kind=request.POST.get("kind", "outbox"),
    )
    messages.success(request, pgettext("console", "It is on its way again."))
    return redirect("console:dead-letters", tenant_id)


@guard(VIEW)
def audit_trail(request: HttpRequest) -> HttpResponse:
    """What operators did, newest first."""
    entries = OperatorAuditEntry.objects.all()
    if search := request.GET.get("q", "").strip():
        entries = entries.filter(
            Q(action__icontains=search) | Q(actor_label__icontains=search) | Q(object_label__icontains=search)
            | Q(reason__icontains=search)
        )  # fmt: skip
    table = build_table(AUDIT, entries, request, keyset=True)
    names = dict(Tenant.objects.filter(pk__in={row.tenant_id for row in table.page.rows}).values_list("pk", "name"))
    template = "console/audit.html#rows" if getattr(request, "htmx", False) else "console/audit.html"
    return page(request, template, {"table": table, "names": names, "page": table.page})
