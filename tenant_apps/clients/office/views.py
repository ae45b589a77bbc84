"""A client's page: header, tabs and side filled by the apps, live, with the way through the list one came from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import AppError, Conflict, NotFound
from kernel.guards import guard
from kernel.ids import parse_uuid
from kernel.pages import page
from kernel.panels import panel, panels, rendered
from kernel.ui.toast import toast, trigger
from tenant_apps.accounts.selectors import staff_names
from tenant_apps.clients import entities, identity_change, selectors, services
from tenant_apps.clients.forms import ProfileForm
from tenant_apps.clients.models import Client, Stage
from tenant_apps.clients.panels import profile_form
from tenant_apps.clients.queue import Queue
from tenant_apps.clients.timeline import desk_topic


@guard("clients.view")
def client(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """The page, or with `part` only its head, side or tab, which the page refetches when the client changes."""
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.show(actor, [selectors.client_get(actor, client_id)])[0]
    tabs = panels("client.tab", request)
    key = request.GET.get("tab", "overview")
    chosen = panel("client.tab", key, request) or (tabs[0] if tabs else None)
    values: dict[str, Any] = {"client": found, "tab": chosen, "queue": request.GET.get("queue", "")}
    part = request.GET.get("part", "")
    if part not in {"side", "tab"}:
        values |= _head(request, found)
    if part == "head":
        return render(request, "clients/_head.html", values)
    if part != "tab":
        values["side"] = [
            (one, html) for one in panels("client.side", request) if (html := rendered(one, request, found))
        ]
    if part == "side":
        return render(request, "clients/_side.html", values)
    values["body"] = rendered(chosen, request, found) if chosen else ""
    if part == "tab":
        return HttpResponse(values["body"])
    values |= {"tabs": tabs, **_neighbours(request, found)}
    return page(request, "clients/client.html", values, live=[f"client:{found.pk}", desk_topic(found.pk), "leads"])


def _head(request: HttpRequest, found: Client) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    acts = [html for one in panels("client.head", request) if (html := rendered(one, request, found))]
    return {
        "owner_name": staff_names([found.owner_id]).get(found.owner_id, "") if found.owner_id else "",
        "acts": acts,
        "may_edit": actor.may("clients.edit", found),
        "may_task": actor.may("clients.task", found),
    }


def _neighbours(request: HttpRequest, found: Client) -> dict[str, Any]:
    """Addresses of the previous and next client in the list that `queue` describes."""
    text = request.GET.get("queue", "")
    if not text:
        return {}
    query = QueryDict(text)
    queue = Queue.parse(query)
    actor = request.actor  # type: ignore[attr-defined]
    rows = selectors.clients_visible(actor)
    rows = rows.exclude(stage=Stage.LEAD) if query.get("list") == "clients" else rows.filter(stage=Stage.LEAD)
    rows = queue.apply(rows, me=actor.id, masks=actor.masks)
    tail = urlencode({"queue": text})
    return {
        side: f"/clients/{key}/?{tail}" if (key := queue.neighbour(rows, found, previous=side == "previous")) else ""
        for side in ("previous", "next")
    } | {"back": f"/{'clients' if query.get('list') == 'clients' else 'leads'}/?{queue.as_query()}"}


@guard("clients.note")
@require_POST
def note(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    services.note_add(
        client=found, text=request.POST.get("text", ""), pinned=bool(request.POST.get("pinned")), actor=actor
    )
    return changed(request, client_id, pgettext("client", "Note kept."))


@guard("clients.note")
@require_POST
def pin(request: HttpRequest, client_id: UUID, entry_id: int) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    services.note_pin(client=found, entry_id=entry_id, pinned=bool(request.POST.get("pinned")), actor=actor)
    return changed(request, client_id, pgettext("client", "Saved."))


@guard("clients.edit")
@require_POST
def profile(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    form = profile_form(found, actor, request.POST)
    if form.is_valid():
        try:
            services.client_update(client=found, actor=actor, **form.changes())
        except AppError as error:
            form.refuse(error)
        else:
            # What the page shows from now on is what the next save is compared with.
            shown = _profile_body(request, found, profile_form(found, actor))
            return changed(request, client_id, pgettext("client", "Saved."), body=shown)
    return HttpResponse(_profile_body(request, found, form), status=422)


def _profile_body(request: HttpRequest, found: Client, form: ProfileForm) -> str:
    return render_to_string("clients/_profile_form.html", {"form": form, "client": found, "may_edit": True}, request)


@guard("clients.edit")
@require_POST
def tags(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    wanted, shown = (request.POST.get(name, "").split(",") for name in ("tags", "shown"))
    services.tags_set(client=found, tags=wanted, shown=shown if "shown" in request.POST else None, actor=actor)
    return changed(request, client_id, pgettext("client", "Saved."))


@guard("clients.identity")
@require_POST
def identity(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """The second pair of eyes on a change of what was verified."""
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    seen = parse_datetime(request.POST.get("seen", ""))
    if seen is None:
        raise Conflict
    identity_change.confirm(client=found, seen=seen, actor=actor)
    return changed(request, client_id, pgettext("client", "Confirmed."))


@guard("clients.risk")
@require_POST
def risk(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    reason = request.POST.get("reason", "")[:300]
    services.risk_set(client=found, risk=request.POST.get("risk", ""), reason=reason, actor=actor)
    return changed(request, client_id, pgettext("client", "Saved."))


@guard("clients.entity.move")
@require_POST
def entity(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    found = selectors.client_get(actor, client_id)
    to = parse_uuid(request.POST.get("entity", ""))
    if to is None:
        raise NotFound
    reason = request.POST.get("reason", "")
    entities.client_entity_move(client=found, entity_id=to, reason=reason, actor=actor)
    return changed(request, client_id, pgettext("client", "Saved."))


def changed(request: HttpRequest, client_id: UUID, words: str, body: str = "") -> HttpResponse:
    """htmx: a toast, and the page refetches its parts; `body` takes the form's place. Otherwise back to the page."""
    if request.htmx:  # type: ignore[attr-defined]
        response = trigger(toast(HttpResponse(body, status=200 if body else 204), words), "client:changed")
        return trigger(response, "modal:close")  # type: ignore[return-value]
    return redirect("clients:client", client_id=client_id)
