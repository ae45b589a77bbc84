"""Leads and clients as lists and as a board; the quick acts of an agent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel.errors import AppError, Invalid
from kernel.guards import guard
from kernel.pages import page, wants_part
from kernel.ui.forms import country_choices
from kernel.ui.tables import Column, TableSpec, build_table
from kernel.ui.toast import toast, trigger
from tenant_apps.accounts.forms import language_choices
from tenant_apps.accounts.selectors import agents
from tenant_apps.clients import entities
from tenant_apps.clients.models import KycState, Stage
from tenant_apps.clients.queue import Queue
from tenant_apps.clients.selectors import COUNT_BOUND, bounded_count, client_get
from tenant_apps.clients.services import lead_create
from tenant_apps.leads import selectors, services
from tenant_apps.leads.forms import CallForm, LeadForm

LEADS = Q(stage=Stage.LEAD)
CLIENTS = Q(stage__in=[Stage.REGISTERED, Stage.VERIFIED, Stage.FUNDED, Stage.CLOSED])

TABLE = TableSpec(
    default_sort="-created",
    page_size=50,
    columns=[
        Column(key="name", label=pgettext_lazy("lead", "Name"), sort="first_name"),
        Column(key="status", label=pgettext_lazy("lead", "Status")),
        Column(key="owner", label=pgettext_lazy("lead", "Responsible")),
        Column(key="phone", label=pgettext_lazy("lead", "Phone")),
        Column(key="country", label=pgettext_lazy("lead", "Country")),
        Column(key="source", label=pgettext_lazy("lead", "Source"), css_class="ui-from-md"),
        Column(key="contact", label=pgettext_lazy("lead", "Last contact"), align="end", css_class="ui-from-md"),
        Column(key="created", label=pgettext_lazy("lead", "Created"), sort="created_at", align="end"),
    ],
)


@guard("clients.view")
def lead_list(request: HttpRequest) -> HttpResponse:
    """Leads, newest first; told live of new ones."""
    return _list(request, "leads", LEADS)


@guard("clients.view")
def client_list(request: HttpRequest) -> HttpResponse:
    """Everybody who registered."""
    return _list(request, "clients", CLIENTS)


def _list(request: HttpRequest, name: str, base: Q) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    queue = Queue.parse(request.GET)
    rows = selectors.queue_rows(actor, queue, base)
    table = build_table(TABLE, rows, request, keyset=True)
    known = selectors.statuses(active_only=False)
    count = bounded_count(rows)
    values: dict[str, Any] = {
        "table": table,
        "rows": selectors.dressed(actor, table.page.rows, known),
        "queue": queue,
        "queue_query": _queue_of(queue, name),
        "page_name": name,
        "count": min(count, COUNT_BOUND),
        "more": count > COUNT_BOUND,
        "may_assign": actor.may("clients.assign"),
        "may_work": actor.may("leads.work"),
        "people": [(str(user.pk), user.name) for user in agents(actor)] if actor.may("clients.assign") else [],
        "statuses": [(status.code, status.label) for status in known],
    }
    if wants_part(request, "rows"):
        return render(request, "leads/_rows.html", values)
    values |= _filters(request, name)
    return page(request, "leads/list.html", values, live=["leads"])


def _queue_of(queue: Queue, name: str) -> str:
    """What a client's page needs to find the next row of this list."""
    query = QueryDict(queue.as_query(), mutable=True)
    query["list"] = name
    return query.urlencode()


def _filters(request: HttpRequest, name: str) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    people = agents(actor, "clients.view")
    owners = [("me", pgettext("lead", "Me")), ("none", pgettext("lead", "Nobody"))]
    owners += [(str(user.pk), user.name) for user in people if str(user.pk) != actor.id]
    return {
        "owners": owners,
        "stages": [choice for choice in Stage.choices if choice[0] != Stage.LEAD],
        "kyc_states": KycState.choices,
        "languages": language_choices(),
        "countries": country_choices(),
        "entities": _entities() if name == "clients" else [],
        "views": selectors.views_of(actor, name),
        "may_create": actor.may("clients.create"),
    }


def _entities() -> list[tuple[str, str]]:
    """To choose from, where there is a choice."""
    rows = [(str(row.pk), row.name) for row in entities.live()]
    return rows if len(rows) > 1 else []


@guard("clients.create")
def lead_new(request: HttpRequest) -> HttpResponse:
    """A lead typed in by hand belongs to whom typed it."""
    actor = request.actor  # type: ignore[attr-defined]
    form = LeadForm(request.POST or None, initial={"language": request.LANGUAGE_CODE})  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        team_id = next(iter(actor.team_ids), None)
        try:
            result = lead_create(
                **form.cleaned_data,
                owner_id=UUID(actor.id) if actor.kind == "staff" else None,
                team_id=team_id,
                source={"utm_source": "office"},
                actor=actor,
            )
        except AppError as error:
            form.refuse(error)
        else:
            if result.created:
                response = HttpResponse(status=204)
                response.headers["HX-Redirect"] = f"/clients/{result.client.pk}/"
                return response
            form.add_error(
                None, pgettext("lead", "There is already a client with this e-mail address or phone number.")
            )
    return render(request, "leads/_new.html", {"form": form}, status=422 if form.errors else 200)


@guard("clients.view")
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Give the chosen rows to a colleague, or set their status."""
    actor = request.actor  # type: ignore[attr-defined]
    ids = [_uuid(value) for value in request.POST.getlist("selected")[:500]]
    if request.POST.get("act") == "status":
        for client_id in ids:
            client = client_get(actor, client_id)
            services.status_set(client=client, status=request.POST.get("status", ""), actor=actor)
        changed = len(ids)
    else:
        owner = request.POST.get("owner", "")
        owner_id = _uuid(owner) if owner and owner != "none" else None
        changed = services.owner_assign(client_ids=ids, owner_id=owner_id, actor=actor)
    messages.success(request, pgettext("lead", "%(count)d changed.") % {"count": changed})
    back = request.POST.get("back", "")
    return redirect(back if back.startswith(("/leads/", "/clients/")) else "/leads/")


@guard("clients.view")
def board(request: HttpRequest) -> HttpResponse:
    """The pipeline as columns; cards are dragged, or moved by their menu."""
    actor = request.actor  # type: ignore[attr-defined]
    queue = Queue.parse(request.GET)
    columns = selectors.board(actor, queue, LEADS)
    values: dict[str, Any] = {
        "columns": columns,
        "choices": [(column["status"].code, column["status"].label) for column in columns],
        "queue": queue,
        "queue_query": _queue_of(queue, "leads"),
        "page_name": "leads",
        "may_work": actor.may("leads.work"),
    }
    if wants_part(request, "board"):
        return render(request, "leads/_board.html", values)
    values |= _filters(request, "leads")
    return page(request, "leads/board.html", values, live=["leads"])


@guard("leads.work")
@require_POST
def board_move(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    client = client_get(actor, _uuid(request.POST.get("card", "")))
    services.status_set(client=client, status=request.POST.get("column", ""), actor=actor)
    return HttpResponse(status=204)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid from error


@guard("clients.view")
@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    where = request.POST.get("page", "leads")
    queue = Queue.parse(QueryDict(request.POST.get("query", "")))
    services.view_save(
        page="clients" if where == "clients" else "leads",
        name=request.POST.get("name", ""),
        query=queue.as_query(),
        shared=bool(request.POST.get("shared")),
        actor=actor,
    )
    return redirect(f"/{'clients' if where == 'clients' else 'leads'}/?{queue.as_query()}")


@guard("clients.view")
@require_POST
def view_delete(request: HttpRequest, view_id: UUID) -> HttpResponse:
    services.view_delete(view_id=view_id, actor=request.actor)  # type: ignore[attr-defined]
    return redirect("leads:list")


# --- quick acts on one client ---------------------------------------------------------------------------------------


@guard("leads.work")
@require_POST
def status_set(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    client = client_get(actor, client_id)
    services.status_set(client=client, status=request.POST.get("status", ""), actor=actor)
    return _done(request, client_id, pgettext("lead", "Status set."))


@guard("leads.work")
def call_log(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """The form of a call, and its logging."""
    actor = request.actor  # type: ignore[attr-defined]
    client = client_get(actor, client_id)
    form = CallForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        services.call_log(
            client=client,
            outcome=data["outcome"],
            seconds=(data["minutes"] or 0) * 60,
            note=data["note"],
            actor=actor,
        )
        return trigger(_done(request, client_id, pgettext("lead", "Call logged.")), "modal:close")
    values = {"form": form, "client": client}
    return render(request, "leads/_call.html", values, status=422 if form.errors else 200)


@guard("leads.work")
@require_POST
def dial(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """Hands the number to the device's phone; who dialled whom stands in the audit trail.

    By a header for the page's script: a form may not lead to `tel:`, our content security policy forbids it.
    """
    actor = request.actor  # type: ignore[attr-defined]
    number = services.dialled(client=client_get(actor, client_id), actor=actor)
    return HttpResponse(status=204, headers={"HX-Redirect": f"tel:{number}"})


@guard("leads.work")
@require_POST
def invite(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    services.invitation_send(client=client_get(actor, client_id), actor=actor)
    return _done(request, client_id, pgettext("lead", "The invitation is on its way."))


@guard("clients.assign")
@require_POST
def assign(request: HttpRequest, client_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    owner = request.POST.get("owner", "")
    client_get(actor, client_id)  # 404 for a client out of reach, rather than "0 changed"
    services.owner_assign(client_ids=[client_id], owner_id=_uuid(owner) if owner else None, actor=actor)
    return _done(request, client_id, pgettext("lead", "Saved."))


def _done(request: HttpRequest, client_id: UUID, words: str) -> HttpResponse:
    """htmx: a toast, and the page refetches what it watches; otherwise back to the client."""
    if request.htmx:  # type: ignore[attr-defined]
        return trigger(toast(HttpResponse(status=204), words), "client:changed")  # type: ignore[return-value]
    messages.success(request, words)
    return redirect(f"/clients/{client_id}/")
