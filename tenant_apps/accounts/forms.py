"""Forms of log-in, staff, teams and roles."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel.auth import MIN_PASSWORD
from kernel.ui.context import language_name
from kernel.ui.forms import UiForm

from .models import Role, Team, User


class LoginForm(UiForm, forms.Form):
    email = forms.EmailField(
        label=pgettext_lazy("log-in", "E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=pgettext_lazy("log-in", "Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(UiForm, forms.Form):
    """Six digits of an authenticator, or a recovery code."""

    code = forms.CharField(
        label=pgettext_lazy("log-in", "Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "autofocus": True}
        ),
    )


class ForgotForm(UiForm, forms.Form):
    email = forms.EmailField(
        label=pgettext_lazy("log-in", "E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


class NewPasswordForm(UiForm, forms.Form):
    password = forms.CharField(
        label=pgettext_lazy("log-in", "New password"),
        strip=False,
        min_length=MIN_PASSWORD,
        help_text=pgettext_lazy("log-in", "At least ten characters. A few unrelated words work well."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class PasswordChangeForm(NewPasswordForm):
    current = forms.CharField(
        label=pgettext_lazy("log-in", "Present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password"]


@cache
def zone_choices() -> list[tuple[str, str]]:
    """Time zones by their IANA names, those of places only."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("", "UTC"), *((name, name.replace("_", " ")) for name in names)]


def language_choices() -> list[tuple[str, str]]:
    return [(code, language_name(code)) for code, _ in settings.LANGUAGES]


class SettingsForm(UiForm, forms.Form):
    """One's own settings."""

    name = forms.CharField(label=pgettext_lazy("account", "Name"), max_length=120)
    language = forms.ChoiceField(label=pgettext_lazy("account", "Language"), choices=language_choices)
    time_zone = forms.ChoiceField(label=pgettext_lazy("account", "Time zone"), choices=zone_choices, required=False)


class StaffForm(UiForm, forms.Form):
    """A member of staff."""

    name = forms.CharField(label=pgettext_lazy("staff", "Full name"), max_length=120)
    roles = forms.ModelMultipleChoiceField(
        label=pgettext_lazy("staff", "Roles"),
        queryset=Role.objects.none(),
        to_field_name="code",
        widget=forms.CheckboxSelectMultiple,
    )
    team = forms.ModelChoiceField(label=pgettext_lazy("staff", "Team"), queryset=Team.objects.none(), required=False)
    languages = forms.MultipleChoiceField(
        label=pgettext_lazy("staff", "Languages spoken"),
        choices=language_choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=pgettext_lazy("staff", "Of a team, those who speak a lead's language come first."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].queryset = Role.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["roles"].label_from_instance = lambda role: role.label  # type: ignore[attr-defined]
        self.fields["team"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]


class InviteForm(StaffForm):
    email = forms.EmailField(label=pgettext_lazy("staff", "E-mail address"))
    field_order = ["name", "email", "roles", "team", "languages"]


class StaffEditForm(StaffForm):
    active = forms.BooleanField(
        label=pgettext_lazy("staff", "May log in"),
        required=False,
        help_text=pgettext_lazy("staff", "Switching this off ends all sessions at once."),
    )

    @classmethod
    def of(cls, user: User, data: Any = None) -> StaffEditForm:
        initial = {
            "name": user.name,
            "roles": [role.code for role in user.roles.all()],
            "team": user.team_id,
            "languages": user.languages,
            "active": user.active,
        }
        return cls(data, initial=initial)


class TeamForm(UiForm, forms.Form):
    name = forms.CharField(label=pgettext_lazy("staff", "Name"), max_length=80)
    languages = forms.MultipleChoiceField(
        label=pgettext_lazy("staff", "Languages"),
        choices=language_choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
