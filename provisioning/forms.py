"""Forms of signing up and of creating a broker in the console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel.auth import MIN_PASSWORD
from kernel.ui.context import language_name
from kernel.ui.forms import UiForm
from kernel.ui.loaders import installed_themes
from shared_apps.site import slugs

from .presets import PRESETS


def language_choices() -> list[tuple[str, str]]:
    return [(code, language_name(code)) for code, _ in settings.LANGUAGES]


def theme_choices() -> list[tuple[str, str]]:
    """Installed themes by their own label; the base theme first."""
    from tenant_apps.branding.looks import theme_label

    return [(name, theme_label(name)) for name in sorted(installed_themes(), key=lambda name: (name != "base", name))]


class CompanyForm(UiForm, forms.Form):
    """Name, subdomain, region."""

    name = forms.CharField(
        label=pgettext_lazy("sign-up", "Name of the brokerage"),
        max_length=60,
        min_length=2,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    slug = forms.CharField(label=pgettext_lazy("sign-up", "Address"), max_length=40)
    preset = forms.ChoiceField(
        label=pgettext_lazy("sign-up", "Region"),
        choices=lambda: [(key, preset.label) for key, preset in PRESETS.items()],
    )

    def clean_slug(self) -> str:
        from django.core.exceptions import ValidationError

        from kernel.errors import AppError

        try:
            return slugs.require(self.cleaned_data["slug"])
        except AppError as error:
            raise ValidationError(str(error), code=error.code) from error


class LookForm(UiForm, forms.Form):
    """Theme, colour and languages; the first language is the default."""

    theme = forms.ChoiceField(label=pgettext_lazy("sign-up", "Theme"), choices=lambda: theme_choices())
    colour = forms.RegexField(
        r"^#[0-9a-fA-F]{6}$",
        label=pgettext_lazy("sign-up", "Brand colour"),
        widget=forms.TextInput(attrs={"type": "color", "dir": "ltr"}),
    )
    languages = forms.MultipleChoiceField(
        label=pgettext_lazy("sign-up", "Languages of your traders"),
        choices=language_choices,
        widget=forms.CheckboxSelectMultiple,
    )
    default_language = forms.ChoiceField(label=pgettext_lazy("sign-up", "Default language"), choices=language_choices)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        default, chosen = values.get("default_language"), values.get("languages") or []
        if default:
            values["languages"] = [default, *(code for code in chosen if code != default)]
        return values


class OwnerForm(UiForm, forms.Form):
    """The owner's name and password."""

    owner_name = forms.CharField(
        label=pgettext_lazy("sign-up", "Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=pgettext_lazy("sign-up", "Password"),
        strip=False,
        min_length=MIN_PASSWORD,
        help_text=pgettext_lazy("sign-up", "At least ten characters. A few unrelated words work well."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    terms = forms.BooleanField(
        label=pgettext_lazy("sign-up", "I may act for this company and accept the terms of the platform.")
    )


class BrokerForm(CompanyForm):
    """The console's form: everything at once; the owner sets the password by a mailed link."""

    owner_name = forms.CharField(label=pgettext_lazy("sign-up", "Owner's name"), max_length=120)
    owner_email = forms.EmailField(label=pgettext_lazy("sign-up", "Owner's e-mail address"))
    theme = forms.ChoiceField(label=pgettext_lazy("sign-up", "Theme"), choices=lambda: theme_choices())
    colour = forms.RegexField(
        r"^#[0-9a-fA-F]{6}$",
        required=False,
        label=pgettext_lazy("sign-up", "Brand colour"),
        help_text=pgettext_lazy("sign-up", "Left as it is: the region's."),
        widget=forms.TextInput(attrs={"type": "color", "dir": "ltr"}),
    )

    def clean_colour(self) -> str:
        """A box for colours is never empty: what it began with is no choice."""
        return str(self.cleaned_data["colour"]) if "colour" in self.changed_data else ""
