"""Forms about clients in the office."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.ui.forms import CountryField, DateInput, DateTimeInput, PhoneField, UiForm
from tenant_apps.accounts.forms import language_choices, zone_choices

from .models import Client


class ProfileForm(UiForm, forms.Form):
    """A client's profile as staff may change it."""

    first_name = forms.CharField(label=pgettext_lazy("client", "First name"), max_length=80)
    last_name = forms.CharField(label=pgettext_lazy("client", "Last name"), max_length=80, required=False)
    email = forms.EmailField(label=pgettext_lazy("client", "E-mail address"))
    phone = PhoneField(label=pgettext_lazy("client", "Phone"), required=False)
    country = CountryField(label=pgettext_lazy("client", "Country of residence"), required=False)
    nationality = CountryField(label=pgettext_lazy("client", "Nationality"), required=False)
    birth_date = forms.DateField(label=pgettext_lazy("client", "Date of birth"), required=False, widget=DateInput)
    language = forms.ChoiceField(label=pgettext_lazy("client", "Language"), choices=language_choices)
    time_zone = forms.ChoiceField(label=pgettext_lazy("client", "Time zone"), choices=zone_choices, required=False)
    line1 = forms.CharField(label=pgettext_lazy("client", "Street and number"), max_length=120, required=False)
    city = forms.CharField(label=pgettext_lazy("client", "City"), max_length=80, required=False)
    postal_code = forms.CharField(label=pgettext_lazy("client", "Postal code"), max_length=16, required=False)

    ADDRESS = ("line1", "city", "postal_code")
    MASKED = ("email", "phone")

    def __init__(self, *args: Any, masks: frozenset[str] = frozenset(), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.MASKED:
            if name in masks:
                del self.fields[name]

    @classmethod
    def initial_of(cls, client: Client) -> dict[str, Any]:
        names = (
            "first_name",
            "last_name",
            "email",
            "phone",
            "country",
            "nationality",
            "birth_date",
            "language",
            "time_zone",
        )
        return {name: getattr(client, name) for name in names} | {
            name: client.address.get(name, "") for name in cls.ADDRESS
        }

    def changes(self) -> dict[str, Any]:
        """As `services.client_update` takes them."""
        values = {name: value for name, value in self.cleaned_data.items() if name not in self.ADDRESS}
        address = {name: self.cleaned_data[name] for name in self.ADDRESS if self.cleaned_data[name]}
        return {**values, "address": address}


class TaskForm(UiForm, forms.Form):
    title = forms.CharField(label=pgettext_lazy("task", "What is to be done"), max_length=160)
    due_at = forms.DateTimeField(label=pgettext_lazy("task", "Due"), widget=DateTimeInput)
    notes = forms.CharField(
        label=pgettext_lazy("task", "Notes"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
