"""Forms of brand and languages."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language_info, pgettext_lazy

from kernel.money import CURRENCIES
from kernel.ui.brand import FONTS, RADII
from kernel.ui.context import language_name
from kernel.ui.forms import UiForm
from kernel.ui.loaders import installed_themes

from .looks import theme_label

HEX = r"^#[0-9a-fA-F]{6}$"
FONT_NAMES: dict[str, Any] = {
    "inter": "Inter",
    "vazirmatn": "Vazirmatn",
    "system": pgettext_lazy("font", "The device's own"),
    "serif": pgettext_lazy("font", "Serif"),
}
RADIUS_NAMES: dict[str, Any] = {
    "none": pgettext_lazy("corners", "Square"),
    "sm": pgettext_lazy("corners", "Slightly rounded"),
    "md": pgettext_lazy("corners", "Rounded"),
    "lg": pgettext_lazy("corners", "Very rounded"),
    "pill": pgettext_lazy("corners", "Pill"),
}


def theme_choices() -> list[tuple[str, str]]:
    return [(name, theme_label(name)) for name in sorted(installed_themes(), key=lambda name: (name != "base", name))]


def _direction(code: str) -> str:
    """A language's own: text of two scripts is not to be turned round by its first word."""
    return "rtl" if get_language_info(code)["bidi"] else "ltr"


class BrandForm(UiForm, forms.Form):
    """The tokens but pictures; texts have one field per language of the brokerage."""

    name = forms.CharField(label=pgettext_lazy("brand", "Name of the brand"), max_length=60)
    preset = forms.ChoiceField(label=pgettext_lazy("brand", "Theme"), choices=theme_choices)
    colour = forms.RegexField(
        HEX, label=pgettext_lazy("brand", "Colour"), widget=forms.TextInput(attrs={"type": "color", "dir": "ltr"})
    )
    colour_dark = forms.RegexField(
        HEX,
        label=pgettext_lazy("brand", "Colour on dark pages"),
        required=False,
        help_text=pgettext_lazy("brand", "Empty: the same colour."),
        widget=forms.TextInput(attrs={"dir": "ltr", "placeholder": "#60a5fa"}),
    )
    font = forms.ChoiceField(
        label=pgettext_lazy("brand", "Font"), choices=[(key, FONT_NAMES.get(key, key)) for key in FONTS]
    )
    radius = forms.ChoiceField(
        label=pgettext_lazy("brand", "Corners"), choices=[(key, RADIUS_NAMES.get(key, key)) for key in RADII]
    )
    mail_header = forms.ChoiceField(
        label=pgettext_lazy("brand", "Head of e-mails"),
        choices=[
            ("logo", pgettext_lazy("brand", "Logo, if there is one")),
            ("name", pgettext_lazy("brand", "Name of the brand")),
        ],
    )
    support_email = forms.EmailField(label=pgettext_lazy("brand", "Support e-mail"), required=False)
    support_phone = forms.CharField(
        label=pgettext_lazy("brand", "Support phone"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr"}),
    )

    def __init__(self, *args: Any, languages: list[str], **kwargs: Any) -> None:
        self.languages = languages
        super().__init__(*args, **kwargs)
        for code in languages:
            for kind, label in TEXTS.items():
                field = forms.CharField(
                    label=label,
                    required=False,
                    max_length=1500,
                    widget=forms.Textarea(
                        attrs={"rows": 3, "lang": code, "class": "textarea", "dir": _direction(code)}
                    ),
                )
                self.fields[f"{kind}_{code}"] = field

    @property
    def texts(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """Per language: code, its own name, its fields."""
        return [(code, language_name(code), [self[f"{kind}_{code}"] for kind in TEXTS]) for code in self.languages]

    def tokens(self) -> dict[str, Any]:
        """The cleaned values as token changes."""
        values = self.cleaned_data
        plain = {name: values[name] for name in BrandForm.base_fields}
        for kind in TEXTS:
            plain[kind] = {code: values[f"{kind}_{code}"] for code in self.languages if values[f"{kind}_{code}"]}
        return plain


TEXTS: dict[str, Any] = {
    "legal_footer": pgettext_lazy("brand", "Legal line: company, number, licence, address"),
    "risk_warning": pgettext_lazy("brand", "Risk warning"),
}


@cache
def zone_choices() -> list[tuple[str, str]]:
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class LocaleForm(UiForm, forms.Form):
    """Languages (with the default), time zone, currencies."""

    default_language = forms.ChoiceField(label=pgettext_lazy("brand", "Default language"), choices=lambda: _languages())
    languages = forms.MultipleChoiceField(
        label=pgettext_lazy("brand", "Languages of the portal"),
        choices=lambda: _languages(),
        widget=forms.CheckboxSelectMultiple,
        help_text=pgettext_lazy("brand", "Your staff may use the office in any language we have."),
    )
    time_zone = forms.ChoiceField(label=pgettext_lazy("brand", "Time zone"), choices=lambda: zone_choices())
    base_currency = forms.ChoiceField(label=pgettext_lazy("brand", "Base currency"), choices=lambda: _currencies())
    currencies = forms.MultipleChoiceField(
        label=pgettext_lazy("brand", "Currencies of wallets and accounts"),
        choices=lambda: _currencies(),
        widget=forms.CheckboxSelectMultiple,
    )


def _languages() -> list[tuple[str, str]]:
    return [(code, language_name(code)) for code, _ in settings.LANGUAGES]


def _currencies() -> list[tuple[str, str]]:
    return [(code, code) for code in sorted(CURRENCIES)]
