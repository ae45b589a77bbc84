"""The desk at a glance, what is stuck, and after how long something counts as stuck."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from kernel.guards import guard
from kernel.pages import page
from kernel.ui.forms import UiForm

from .. import selectors, standing
from ..alarm_models import AGES
from ..permissions_list import IMPORT, SETTINGS
from ..services.alarms import desk_settings, settings_save
from ..services.reports import TOPIC
from .close import days


class SettingsForm(UiForm, forms.Form):
    """One number for each of AGES, in the unit that its label says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in AGES.items():
            self.fields[name] = forms.IntegerField(
                label=label, min_value=1, max_value=240 if name.endswith("_hours") else 90
            )


@guard("reconciliation.view")
@require_GET
def desk(request: Any) -> HttpResponse:
    context = {
        "counts": selectors.case_counts(request.actor), "alarms": selectors.alarms()[:6],
        "alarm_count": selectors.alarms().count(), "owed": standing.owed(), "reports": selectors.reports()[:5],
        "days": days(7), "may_import": request.actor.may(IMPORT), "tab": "desk",
    }  # fmt: skip
    template = "reconciliation/desk.html#body" if request.htmx else "reconciliation/desk.html"
    return page(request, template, context, live=[TOPIC])


@guard("reconciliation.view")
@require_GET
def alarms(request: Any) -> HttpResponse:
    chosen = desk_settings()
    context = {
        "rows": selectors.alarms()[:300], "may_set": request.actor.may(SETTINGS), "tab": "alarms",
        "ages": [(label, getattr(chosen, name)) for name, label in AGES.items()],
    }  # fmt: skip
    template = "reconciliation/alarms.html#rows" if request.htmx else "reconciliation/alarms.html"
    return page(request, template, context, live=[TOPIC])


@guard("reconciliation.settings")
@require_http_methods(["GET", "POST"])
def settings(request: Any) -> HttpResponse:
    row = desk_settings()
    initial = {name: getattr(row, name) for name in AGES}
    form = SettingsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        settings_save(actor=request.actor, **form.cleaned_data)
        messages.success(request, pgettext("reconciliation", "Saved."))
        return redirect("reconciliation:alarms")
    status = 422 if request.method == "POST" else 200
    return page(request, "reconciliation/settings.html", {"form": form, "tab": "alarms"}, status=status)
