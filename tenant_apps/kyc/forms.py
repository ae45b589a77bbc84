from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock
from kernel.errors import Invalid
from kernel.files import MAX_BYTES
from kernel.letters import latin_writable
from kernel.ui.forms import CardRadioSelect, CountryField, DateInput, UiForm, UploadInput
from tenant_apps.clients.models import Client
from tenant_apps.clients.person_names import latin_checked

from .models import ADDRESS_KINDS, IDENTITY_KINDS, TWO_SIDED, DocumentKind, RefusalReason
from .questions import QUESTIONS

ADULT_YEARS = 18
ACCEPT = "image/jpeg,image/png,image/webp,application/pdf"


class ProfileForm(UiForm, forms.Form):
    """What the documents are compared with."""

    first_name = forms.CharField(max_length=80, label=pgettext_lazy("profile", "First name, as in your document"))
    last_name = forms.CharField(max_length=80, label=pgettext_lazy("profile", "Last name, as in your document"))
    latin_name = forms.CharField(
        max_length=160,
        required=False,
        label=pgettext_lazy("profile", "Your name in Latin letters"),
        help_text=pgettext_lazy(
            "profile",
            "As in the last two lines of the photo page of your passport. Banks write it so when they pay you.",
        ),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
    )
    birth_date = forms.DateField(label=pgettext_lazy("profile", "Date of birth"), widget=DateInput)
    nationality = CountryField(label=pgettext_lazy("profile", "Nationality"))
    line1 = forms.CharField(max_length=120, label=pgettext_lazy("profile", "Street and number"))
    postal_code = forms.CharField(max_length=16, required=False, label=pgettext_lazy("profile", "Postal code"))
    city = forms.CharField(max_length=80, label=pgettext_lazy("profile", "City"))
    country = CountryField(label=pgettext_lazy("profile", "Country of residence"))

    PLAIN = ("first_name", "last_name", "latin_name", "birth_date", "nationality", "country")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Asks for the Latin spelling only where banks cannot write the name, or one is known already."""
        super().__init__(*args, **kwargs)
        typed = self.data if self.is_bound else self.initial
        name = f"{typed.get('first_name', '')} {typed.get('last_name', '')}".strip()
        needed = bool(name) and not latin_writable(name)
        self.fields["latin_name"].required = needed
        if not needed and not self.initial.get("latin_name"):
            del self.fields["latin_name"]

    @classmethod
    def initial_of(cls, client: Client) -> dict[str, Any]:
        return {name: getattr(client, name) for name in cls.PLAIN} | {
            name: client.address.get(name, "") for name in ("line1", "postal_code", "city")
        }

    def clean_latin_name(self) -> str:
        try:
            return latin_checked(self.cleaned_data["latin_name"], field="latin_name")
        except Invalid as error:
            raise forms.ValidationError(str(error)) from error

    def clean_birth_date(self) -> date:
        born: date = self.cleaned_data["birth_date"]
        today = clock.today()
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        if age < ADULT_YEARS:
            raise forms.ValidationError(pgettext("profile", "You must be at least 18 years old to trade."))
        if age > 120:
            raise forms.ValidationError(pgettext("profile", "Check the year of your birth."))
        return born

    def changes(self) -> dict[str, Any]:
        """In the shape of clients.client_update."""
        data = self.cleaned_data
        address = {name: data[name] for name in ("line1", "postal_code", "city")}
        return {name: data[name] for name in self.PLAIN if name in data} | {"address": address}


def _choices(kinds: tuple[DocumentKind, ...]) -> list[tuple[str, Any]]:
    return [(kind.value, kind.label) for kind in kinds]


class IdentityForm(UiForm, forms.Form):
    kind = forms.ChoiceField(
        choices=_choices(IDENTITY_KINDS),
        widget=CardRadioSelect,
        label=pgettext_lazy("KYC", "Which document do you have?"),
    )
    front = forms.FileField(
        label=pgettext_lazy("KYC", "Front, or the page with your photo"),
        widget=UploadInput(accept=ACCEPT, max_bytes=MAX_BYTES),
    )
    back = forms.FileField(
        required=False,
        label=pgettext_lazy("KYC", "Back (identity card and residence permit)"),
        widget=UploadInput(accept=ACCEPT, max_bytes=MAX_BYTES),
    )
    expires_on = forms.DateField(label=pgettext_lazy("KYC", "Valid until"), widget=DateInput)

    def clean_expires_on(self) -> date:
        until: date = self.cleaned_data["expires_on"]
        if until <= clock.today():
            raise forms.ValidationError(pgettext("KYC", "This document has expired. Use one that is valid."))
        return until

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") in TWO_SIDED and not data.get("back"):
            self.add_error("back", pgettext("KYC", "This document has two sides: add the back."))
        return data


class AddressForm(UiForm, forms.Form):
    kind = forms.ChoiceField(
        choices=_choices(ADDRESS_KINDS), widget=CardRadioSelect, label=pgettext_lazy("KYC", "Which proof do you have?")
    )
    front = forms.FileField(
        label=pgettext_lazy("KYC", "The document, not older than three months"),
        widget=UploadInput(accept=ACCEPT, max_bytes=MAX_BYTES),
    )


class QuestionsForm(UiForm, forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, (label, choices) in QUESTIONS.items():
            self.fields[code] = forms.ChoiceField(label=label, choices=list(choices.items()), widget=forms.RadioSelect)


class RefusalForm(UiForm, forms.Form):
    refusal = forms.ChoiceField(choices=RefusalReason.choices, label=pgettext_lazy("KYC", "What is wrong with it?"))


class MessageForm(UiForm, forms.Form):
    message = forms.CharField(
        required=False,
        max_length=1000,
        label=pgettext_lazy("KYC", "Message to the client"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=pgettext_lazy(
            "KYC", "Reasons of refused documents are added by themselves, in the client's language."
        ),
    )


class RejectForm(UiForm, forms.Form):
    reason = forms.CharField(
        min_length=10,
        max_length=1000,
        label=pgettext_lazy("KYC", "Reason, for the record"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=pgettext_lazy("KYC", "The client does not see it. It becomes part of the audit trail."),
    )
