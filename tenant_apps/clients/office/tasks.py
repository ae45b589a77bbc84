"""Tasks: mine, the team's, overdue."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel import clock
from kernel.errors import Invalid
from kernel.guards import guard
from kernel.pages import page, wants_part
from kernel.ui.tables import Column, TableSpec, build_table
from kernel.ui.toast import toast, trigger
from tenant_apps.accounts.selectors import staff_names
from tenant_apps.clients import selectors, services
from tenant_apps.clients.forms import TaskForm

from .views import changed

TABLE = TableSpec(
    default_sort="due",
    page_size=50,
    columns=[Column(key="due", label="", sort="due_at")],
)


@guard("clients.task")
def task_list(request: HttpRequest) -> HttpResponse:
    """Open tasks by due date; `show` is mine, team, overdue or done."""
    actor = request.actor  # type: ignore[attr-defined]
    show = request.GET.get("show", "mine")
    rows = selectors.tasks_visible(actor)
    rows = rows.filter(done_at__isnull=show != "done")
    if show == "mine":
        rows = rows.filter(owner_id=actor.id or None)  # type: ignore[misc]
    if show == "overdue":
        rows = rows.filter(due_at__lt=clock.now())
    table = build_table(TABLE, rows, request, keyset=True)
    names = staff_names(task.owner_id for task in table.page.rows)
    values = {
        "tasks": [(task, names.get(task.owner_id, "")) for task in table.page.rows],
        "table": table,
        "show": show,
        "now": clock.now(),
    }
    if wants_part(request, "tasks"):
        return render(request, "clients/_tasks.html", values)
    return page(request, "clients/tasks.html", values, live=[f"tasks:{actor.id}"])


@guard("clients.task")
@require_POST
def task_done(request: HttpRequest, task_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    done = request.POST.get("done", "1") == "1"
    services.task_done(task=selectors.task_get(actor, task_id), done=done, actor=actor)
    words = pgettext("task", "Done.") if done else pgettext("task", "Open again.")
    response = trigger(toast(HttpResponse(status=204), words), "tasks:changed")
    return trigger(response, "client:changed")  # type: ignore[return-value]


@guard("clients.task")
def task_new(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """A task about a client: `days` from now by a quick button, or with the form."""
    actor = request.actor  # type: ignore[attr-defined]
    client = selectors.client_get(actor, client_id)
    if request.method != "POST":
        due = clock.now() + timedelta(days=2)
        return render(request, "clients/_task_new.html", {"form": TaskForm(initial={"due_at": due}), "client": client})
    owner_id = UUID(actor.id) if actor.kind == "staff" else client.owner_id
    if owner_id is None:
        raise Invalid
    team_id = next(iter(actor.team_ids), None) or client.team_id
    if days := request.POST.get("days"):
        due = clock.now() + timedelta(days=int(days) if days in {"1", "2", "7"} else 2)
        title = pgettext("task", "Follow up with %(name)s") % {"name": client.name}
        services.task_add(
            client=client, title=title, due_at=due, owner_id=owner_id, team_id=team_id, kind="follow_up", actor=actor
        )
        return changed(request, client_id, pgettext("task", "Task made."))
    form = TaskForm(request.POST)
    if not form.is_valid():
        return render(request, "clients/_task_new.html", {"form": form, "client": client}, status=422)
    services.task_add(client=client, owner_id=owner_id, team_id=team_id, actor=actor, **form.cleaned_data)
    return changed(request, client_id, pgettext("task", "Task made."))
