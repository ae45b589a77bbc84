"""Forms about clients in the office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.tenancy import context
from kernel.ui.context import language_name
from kernel.ui.forms import CountryField, DateInput, DateTimeInput, PhoneField, UiForm, style_widget
from tenant_apps.accounts.forms import language_choices, zone_choices

from .legal import Text
from .models import Client, LegalDocument


class ProfileForm(UiForm, forms.Form):
    """A client's profile as staff may change it.

    The page carries what it showed: only what differs from that was meant, whatever others changed meanwhile.
    """

    first_name = forms.CharField(label=pgettext_lazy("client", "First name"), max_length=80)
    last_name = forms.CharField(label=pgettext_lazy("client", "Last name"), max_length=80, required=False)
    latin_name = forms.CharField(
        label=pgettext_lazy("client", "Name in Latin letters, as in the passport"), max_length=160, required=False,
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )  # fmt: skip
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

    def __init__(
        self, *args: Any, masks: frozenset[str] = frozenset(), fixed: frozenset[str] = frozenset(), **kwargs: Any
    ) -> None:
        """`fixed` fields are shown as `initial` has them, whatever was sent."""
        super().__init__(*args, **kwargs)
        for name in fixed & set(self.fields):
            self.fields[name].disabled = True
        for field in self.fields.values():
            field.show_hidden_initial = True
        home = str(self.data.get("country") or self.initial.get("country") or context.tenant().setting("country", ""))
        self.fields["phone"].assume(home)  # type: ignore[attr-defined]
        for name in self.MASKED:
            if name in masks:
                del self.fields[name]

    @classmethod
    def initial_of(cls, client: Client) -> dict[str, Any]:
        names = (
            "first_name",
            "last_name",
            "latin_name",
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
        """What was typed, as `services.client_update` takes it."""
        typed = {name: self.cleaned_data[name] for name in self.changed_data}
        lines = {name: typed.pop(name) for name in self.ADDRESS if name in typed}
        if lines:
            address = {name: self.initial[name] for name in self.ADDRESS} | lines
            typed["address"] = {name: line for name, line in address.items() if line}
        return typed


class TaskForm(UiForm, forms.Form):
    title = forms.CharField(label=pgettext_lazy("task", "What is to be done"), max_length=160)
    due_at = forms.DateTimeField(label=pgettext_lazy("task", "Due"), widget=DateTimeInput)
    notes = forms.CharField(
        label=pgettext_lazy("task", "Notes"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


def _title(language: str, required: bool) -> forms.CharField:
    attrs = {"lang": language, "dir": "auto"}
    return forms.CharField(
        label=pgettext_lazy("legal document", "Title"),
        max_length=160,
        required=required,
        widget=forms.TextInput(attrs=attrs),
    )


def _body(language: str, required: bool) -> forms.CharField:
    attrs = {"lang": language, "dir": "auto", "rows": "14"}
    return forms.CharField(
        label=pgettext_lazy("legal document", "Text"),
        max_length=200_000,
        required=required,
        widget=forms.Textarea(attrs=attrs),
    )


class LegalForm(UiForm, forms.Form):
    """A new version of a document: a title and a text per language, those of the first are needed."""

    effective_at = forms.DateTimeField(
        label=pgettext_lazy("legal document", "In force from"),
        required=False,
        widget=DateTimeInput,
        help_text=pgettext_lazy("legal document", "Clients are asked from then on. Empty means at once."),
    )
    follows = forms.IntegerField(min_value=0, widget=forms.HiddenInput)  # the newest version its author saw

    def __init__(self, *args: Any, languages: Sequence[str], newest: Sequence[LegalDocument], **kwargs: Any) -> None:
        self.languages = languages
        self.last_version = newest[0].version if newest else 0
        initial: dict[str, Any] = {"follows": self.last_version}
        for document in newest:
            initial |= {f"title_{document.language}": document.title, f"body_{document.language}": document.body}
        super().__init__(*args, initial=initial, **kwargs)
        for code in languages:
            self.fields[f"title_{code}"] = _title(code, code == languages[0])
            self.fields[f"body_{code}"] = _body(code, code == languages[0])
        for field in self.fields.values():
            style_widget(field)

    @property
    def by_language(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """Per language: code, its own name, title and text."""
        return [(code, language_name(code), [self[f"title_{code}"], self[f"body_{code}"]]) for code in self.languages]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for code in self.languages:
            pair = (f"title_{code}", f"body_{code}")
            if any(data.get(name) for name in pair):
                for name in pair:
                    if not data.get(name) and name not in self.errors:
                        self.add_error(name, pgettext_lazy("legal document", "A document needs a title and a text."))
        return data

    def texts(self) -> dict[str, Text]:
        """What was written, by language."""
        data = self.cleaned_data
        return {
            code: Text(data[f"title_{code}"], _lines(data[f"body_{code}"]))
            for code in self.languages
            if data[f"body_{code}"]
        }


class TranslationForm(UiForm, forms.Form):
    """A published version in one more language."""

    def __init__(self, *args: Any, languages: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(
            label=pgettext_lazy("legal document", "Language"),
            choices=[(code, language_name(code)) for code in languages],
        )
        self.fields["title"] = _title("", required=True)
        self.fields["body"] = _body("", required=True)
        for field in self.fields.values():
            style_widget(field)

    def text(self) -> Text:
        return Text(self.cleaned_data["title"], _lines(self.cleaned_data["body"]))


def _lines(text: str) -> str:
    """Browsers send CR LF; the fingerprint is that of the text with plain line ends."""
    return text.replace("\r\n", "\n")
