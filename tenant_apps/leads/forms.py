"""Forms of sales work."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.tenancy import context
from kernel.ui.forms import CountryField, PhoneField, UiForm
from tenant_apps.accounts.forms import language_choices
from tenant_apps.accounts.models import Realm, Team, User

from .models import LeadRule, Method, Outcome, Phase, PipelineStatus


class LeadForm(UiForm, forms.Form):
    """A lead that an agent types in."""

    first_name = forms.CharField(label=pgettext_lazy("lead", "First name"), max_length=80)
    last_name = forms.CharField(label=pgettext_lazy("lead", "Last name"), max_length=80, required=False)
    email = forms.EmailField(label=pgettext_lazy("lead", "E-mail address"))
    phone = PhoneField(label=pgettext_lazy("lead", "Phone"), required=False)
    country = CountryField(label=pgettext_lazy("lead", "Country"), required=False)
    language = forms.ChoiceField(label=pgettext_lazy("lead", "Language"), choices=language_choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone"].assume(context.tenant().setting("country", ""))  # type: ignore[attr-defined]


class CallForm(UiForm, forms.Form):
    outcome = forms.ChoiceField(label=pgettext_lazy("call", "Outcome"), choices=Outcome.choices)
    minutes = forms.IntegerField(label=pgettext_lazy("call", "Minutes"), min_value=0, max_value=1440, required=False)
    note = forms.CharField(
        label=pgettext_lazy("call", "Note"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class ListField(forms.CharField):
    """Several values, separated by commas."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return [part.strip() for part in str(text).split(",") if part.strip()]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


class RuleForm(UiForm, forms.Form):
    """A distribution rule."""

    name = forms.CharField(label=pgettext_lazy("lead rule", "Name"), max_length=80)
    countries = ListField(
        label=pgettext_lazy("lead rule", "Countries"),
        required=False,
        help_text=pgettext_lazy("lead rule", "Two-letter codes, separated by commas. Empty: any."),
    )
    languages = forms.MultipleChoiceField(
        label=pgettext_lazy("lead rule", "Languages"),
        choices=language_choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    sources = ListField(
        label=pgettext_lazy("lead rule", "Sources"),
        required=False,
        help_text=pgettext_lazy("lead rule", "Values of utm_source, separated by commas."),
    )
    campaigns = ListField(
        label=pgettext_lazy("lead rule", "Campaigns"),
        required=False,
        help_text=pgettext_lazy("lead rule", "Values of utm_campaign, separated by commas."),
    )
    partners = ListField(label=pgettext_lazy("lead rule", "Partner codes"), required=False)
    team_id = forms.ModelChoiceField(
        label=pgettext_lazy("lead rule", "Team"),
        queryset=Team.objects.none(),
        required=False,
        help_text=pgettext_lazy("lead rule", "All its active members take part, unless agents are named."),
    )
    method = forms.ChoiceField(label=pgettext_lazy("lead rule", "Who is next"), choices=Method.choices)
    cap_day = forms.IntegerField(
        label=pgettext_lazy("lead rule", "At most per agent and day"), min_value=1, required=False
    )
    cap_open = forms.IntegerField(
        label=pgettext_lazy("lead rule", "At most open leads per agent"), min_value=1, required=False
    )
    active = forms.BooleanField(label=pgettext_lazy("lead rule", "Switched on"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team_id"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]

    @staticmethod
    def initial_of(rule: LeadRule) -> dict[str, Any]:
        names = ("name", "team_id", "method", "cap_day", "cap_open", "active")
        return {name: getattr(rule, name) for name in names} | dict(rule.conditions)


class TestForm(UiForm, forms.Form):
    """Facts of an imagined lead."""

    country = CountryField(label=pgettext_lazy("lead rule", "Country"), required=False)
    language = forms.ChoiceField(label=pgettext_lazy("lead rule", "Language"), choices=language_choices)
    source = forms.CharField(label=pgettext_lazy("lead rule", "Source"), required=False)
    campaign = forms.CharField(label=pgettext_lazy("lead rule", "Campaign"), required=False)
    partner = forms.CharField(label=pgettext_lazy("lead rule", "Partner code"), required=False)


TONES = [
    ("neutral", pgettext_lazy("colour", "Grey")),
    ("brand", pgettext_lazy("colour", "Brand")),
    ("info", pgettext_lazy("colour", "Blue")),
    ("success", pgettext_lazy("colour", "Green")),
    ("warning", pgettext_lazy("colour", "Amber")),
    ("danger", pgettext_lazy("colour", "Red")),
]


class StatusForm(UiForm, forms.Form):
    """A status of the pipeline."""

    name = forms.CharField(label=pgettext_lazy("pipeline", "Name"), max_length=60)
    tone = forms.ChoiceField(label=pgettext_lazy("pipeline", "Colour"), choices=TONES)
    phase = forms.ChoiceField(label=pgettext_lazy("pipeline", "Phase"), choices=Phase.choices)
    position = forms.IntegerField(label=pgettext_lazy("pipeline", "Place"), min_value=0, max_value=99)
    active = forms.BooleanField(label=pgettext_lazy("pipeline", "Switched on"), required=False, initial=True)

    @staticmethod
    def initial_of(status: PipelineStatus) -> dict[str, Any]:
        return {name: getattr(status, name) for name in ("name", "tone", "phase", "position", "active")}


def staff_choices() -> list[User]:
    return list(User.objects.filter(realm=Realm.STAFF, active=True).order_by("name"))
