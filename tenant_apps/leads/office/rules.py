"""Distribution rules and the pipeline: order, edit, try."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.accounts.models import Team
from tenant_apps.leads import selectors, services
from tenant_apps.leads.distribution import Facts, decide, given_today, open_leads
from tenant_apps.leads.forms import RuleForm, StatusForm, TestForm, staff_choices
from tenant_apps.leads.models import LeadRule, PipelineStatus


@guard("leads.rules")
def rule_list(request: HttpRequest) -> HttpResponse:
    """The rules in the order they are asked, and the load of those who take part."""
    found = selectors.rules()
    names = selectors.rule_people(found)
    teams = dict(Team.objects.values_list("pk", "name"))
    people = staff_choices()
    ids = [user.pk for user in people]
    load, today = open_leads(ids), given_today(ids)
    values = {
        "rules": [(rule, _takers(rule, names, teams)) for rule in found],
        "load": [(user, load.get(user.pk, 0), today.get(user.pk, 0)) for user in people if user.pk in load | today],
        "test_form": TestForm(initial={"language": "en"}),
    }
    return page(request, "leads/rules.html", values)


def _takers(rule: LeadRule, names: dict[UUID, str], teams: dict[UUID, str]) -> list[str]:
    named = [names.get(share.user_id, "?") for share in rule.agents.all() if share.named]
    return named or ([teams.get(rule.team_id, "?")] if rule.team_id else [])


@guard("leads.rules")
def rule_test(request: HttpRequest) -> HttpResponse:
    """Which rule would take this lead, and who would get it now."""
    form = TestForm(request.POST or None)
    decision = decide(Facts(**form.cleaned_data)) if form.is_valid() else None
    return render(request, "leads/_rule_test.html", {"decision": decision})


@guard("leads.rules")
def rule_edit(request: HttpRequest, rule_id: UUID | None = None) -> HttpResponse:
    rule = get_object_or_404(LeadRule, pk=rule_id) if rule_id else None
    initial: dict[str, Any] = RuleForm.initial_of(rule) if rule else {"active": True}
    form = RuleForm(request.POST or None, initial=initial)
    people = staff_choices()
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        conditions = {name: data.pop(name) for name in ("countries", "languages", "sources", "campaigns", "partners")}
        team = data.pop("team_id")
        try:
            services.rule_save(
                rule=rule, conditions=conditions, team_id=team.pk if team else None, agents=_weights(request, people),
                actor=request.actor, **data,  # type: ignore[attr-defined]
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("lead rule", "The rule is saved."))
            return redirect("leads:rules")
    chosen = {share.user_id: share.weight for share in rule.agents.all() if share.named} if rule else {}
    values = {"form": form, "rule": rule, "people": [(user, chosen.get(user.pk, 0)) for user in people]}
    return page(request, "leads/rule_edit.html", values, status=422 if form.errors else 200)


def _weights(request: HttpRequest, people: list[Any]) -> dict[UUID, int]:
    """Weights as typed, 0 and empty meaning "not named"."""
    weights: dict[UUID, int] = {}
    for user in people:
        text = request.POST.get(f"weight:{user.pk}", "")
        if text.isascii() and text.isdigit() and 0 < int(text) <= 100:
            weights[user.pk] = int(text)
    return weights


@guard("leads.rules")
@require_POST
def rule_move(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    rule = get_object_or_404(LeadRule, pk=rule_id)
    services.rule_move(rule=rule, up=request.POST.get("to") == "up", actor=request.actor)  # type: ignore[attr-defined]
    return redirect("leads:rules")


@guard("leads.rules")
@require_POST
def rule_delete(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    services.rule_delete(rule=get_object_or_404(LeadRule, pk=rule_id), actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("lead rule", "The rule is deleted."))
    return redirect("leads:rules")


@guard("leads.pipeline")
def pipeline(request: HttpRequest) -> HttpResponse:
    return page(request, "leads/pipeline.html", {"statuses": selectors.statuses(active_only=False)})


@guard("leads.pipeline")
def pipeline_edit(request: HttpRequest, status_id: UUID | None = None) -> HttpResponse:
    status = get_object_or_404(PipelineStatus, pk=status_id) if status_id else None
    initial = StatusForm.initial_of(status) if status else {"position": PipelineStatus.objects.count(), "active": True}
    form = StatusForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.pipeline_status_save(status=status, actor=request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("pipeline", "The status is saved."))
            return redirect("leads:pipeline")
    values = {"form": form, "status": status}
    return page(request, "leads/pipeline_edit.html", values, status=422 if form.errors else 200)
