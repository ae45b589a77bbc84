"""Rules: list, editor, switch, dry run, log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.automation import definitions, dry_run, selectors, services
from tenant_apps.automation.errors import NotPublished
from tenant_apps.clients import conditions, facts

SLOTS = 4  # actions the editor offers


@guard("automation.view")
def rule_list(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    return page(
        request, "automation/rules.html", {"rows": selectors.rules(actor), "may_edit": actor.may("automation.edit")}
    )


def trigger_from_post(data: QueryDict) -> dict[str, Any]:
    """The trigger as the form holds it; unchecked."""
    kind = data.get("kind", "event")
    if kind == "schedule":
        return {"kind": kind, "every": data.get("every"), "hour": data.get("hour", "")}
    trigger: dict[str, Any] = {"kind": kind, "event": data.get("event")}
    if kind == "absence":
        return {**trigger, "hours": data.get("hours", ""), "unless": data.getlist("unless")}
    field = data.get("field", "")
    flag = definitions.FIELDS.get(data.get("event", ""), {}).get(field) == "flag"
    value = data.get("flag" if flag else "value", "").strip()
    return {**trigger, "where": {field: value} if field and value else {}}


def actions_from_post(data: QueryDict) -> list[dict[str, Any]]:
    names = ("do", "title", "kind", "due_hours", "to", "mail", "tag", "status")
    found = [{name: data.get(f"a.{index}.{name}", "") for name in names} for index in range(SLOTS)]
    return [{key: value for key, value in item.items() if value != ""} for item in found if item["do"]]


def _values(request: HttpRequest, rule: Any, trigger: Any, tree: Any, actions: list[dict[str, Any]]) -> dict[str, Any]:
    slots = [*actions, *({} for _ in range(SLOTS))][:SLOTS]
    return {
        "rule": rule, "trigger": trigger, "slots": slots, "node": conditions.draw(tree), "facts": facts.all_facts(),
        "url": reverse("automation:build"), "events": definitions.EVENTS.items(), "periods": definitions.PERIODS.items(),
        "mails": definitions.MAILS.items(), "task_kinds": definitions.TASK_KINDS.items(),
        "receivers": definitions.RECEIVERS.items(),
        "fields": definitions.FIELD_WORDS.items(),
        "where": next(iter((trigger.get("where") or {}).items()), ("", "")),
        "crumbs": [(pgettext("navigation", "Automation"), reverse("automation:rules"))],
    }  # fmt: skip


@guard("automation.edit")
def rule_edit(request: HttpRequest, rule_id: UUID | None = None) -> HttpResponse:
    """A new version with every save that changes something."""
    actor = request.actor  # type: ignore[attr-defined]
    rule = selectors.rule_get(actor, rule_id) if rule_id else None
    current = rule.current if rule else None  # type: ignore[attr-defined]
    trigger: dict[str, Any] = current.trigger if current else {"kind": "event", "event": "clients.registered"}
    tree, actions = (current.conditions, current.actions) if current else (None, [])
    name, problem = (rule.name if rule else ""), ""
    if request.method == "POST":
        name, trigger = request.POST.get("name", ""), trigger_from_post(request.POST)
        tree, actions = conditions.from_post(request.POST), actions_from_post(request.POST)
        try:
            saved = services.rule_publish(
                rule=rule, name=name, trigger=trigger, conditions=tree, actions=list(actions), actor=actor
            )
        except AppError as error:
            problem = str(error)
        else:
            messages.success(
                request, pgettext("automation", "The rule is saved as version %(n)s.") % {"n": saved.number}
            )
            return redirect("automation:rule", saved.pk)
    values = {**_values(request, rule, trigger, tree, actions), "name": name, "problem": problem}
    return page(request, "automation/rule_edit.html", values, status=422 if problem else 200)


@guard("automation.edit")
@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """The conditions drawn again after a change."""
    act = request.POST.get("act", "")
    tree = conditions.EMPTY if act == "start" else conditions.from_post(request.POST, act, request.POST.get("at", ""))
    values = {"node": conditions.draw(tree), "facts": facts.all_facts(), "url": reverse("automation:build")}
    return render(request, "clients/conditions/builder.html", values)


@guard("automation.edit")
@require_POST
def rule_switch(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    services.rule_activate(rule=selectors.rule_get(actor, rule_id), active=request.POST.get("to") == "on", actor=actor)
    return redirect("automation:rules")


@guard("automation.view")
def rule_dry_run(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """What the version in force would have done in the last 30 days. Raises NotPublished when there is none."""
    rule = selectors.rule_get(request.actor, rule_id)  # type: ignore[attr-defined]
    version = rule.current  # type: ignore[attr-defined]
    if version is None:
        raise NotPublished
    found = dry_run.dry_run(trigger=version.trigger, conditions=version.conditions)
    return render(request, "automation/_dry_run.html", {"found": found, "rule": rule})


@guard("automation.view")
def run_log(request: HttpRequest) -> HttpResponse:
    rows = Paginator(selectors.runs(request.actor), 50).get_page(request.GET.get("page", "1"))  # type: ignore[attr-defined]
    crumbs = [(pgettext("navigation", "Automation"), reverse("automation:rules"))]
    return page(request, "automation/log.html", {"rows": rows, "crumbs": crumbs})
