"""The steps of registration."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from kernel.auth import MIN_PASSWORD
from kernel.errors import Invalid
from kernel.tenancy import context
from kernel.ui.forms import CountryField, PhoneField, UiForm, calling_code
from tenant_apps.clients.person_names import name_checked


class PersonForm(UiForm, forms.Form):
    """Who registers."""

    kind = forms.ChoiceField(
        label=pgettext_lazy("registration", "I register"),
        choices=[
            ("person", pgettext_lazy("registration", "for myself")),
            ("company", pgettext_lazy("registration", "for a company")),
        ],
        widget=forms.RadioSelect,
        initial="person",
    )
    company = forms.CharField(
        label=pgettext_lazy("registration", "Company"),
        max_length=120,
        required=False,
    )
    first_name = forms.CharField(
        label=pgettext_lazy("registration", "First name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=pgettext_lazy("registration", "Last name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    email = forms.EmailField(
        label=pgettext_lazy("registration", "E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    country = CountryField(label=pgettext_lazy("registration", "Country of residence"))
    phone = PhoneField(label=pgettext_lazy("registration", "Mobile phone"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country = str(self.initial.get("country") or context.tenant().setting("country", ""))
        self.fields["phone"].assume(country)  # type: ignore[attr-defined]
        if code := calling_code(country):
            self.fields["phone"].help_text = (
                pgettext("registration", "With its country code, such as %s.") % f"\u2066{code}\u2069"
            )

    def clean_first_name(self) -> str:
        return self._name("first_name")

    def clean_last_name(self) -> str:
        return self._name("last_name")

    def _name(self, field: str) -> str:
        try:
            return name_checked(self.cleaned_data[field], field=field)
        except Invalid as error:
            raise forms.ValidationError(str(error)) from error

    def clean_country(self) -> str:
        """Whoever lives there may write the number as people there do."""
        country: str = self.cleaned_data["country"]
        self.fields["phone"].region = country  # type: ignore[attr-defined]
        return country

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("kind") == "company" and not data.get("company", "").strip():
            self.add_error("company", pgettext_lazy("registration", "Enter the company's name."))
        return data


class PasswordForm(UiForm, forms.Form):
    password = forms.CharField(
        label=pgettext_lazy("registration", "Password"),
        strip=False,
        min_length=MIN_PASSWORD,
        help_text=pgettext_lazy("log-in", "At least ten characters. A few unrelated words work well."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
