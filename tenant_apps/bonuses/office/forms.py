"""Forms of bonuses. What is allowed is the services' business; forms read what people typed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.tenancy import context
from kernel.ui.forms import CountriesField, MoneyField, UiForm, normalise_digits
from tenant_apps.clients.rule_packs import packs
from tenant_apps.trading.models import AccountType

from ..models import Burn, PackChoice, SchemeVersion
from ..services.schemes import Terms


def _codes(text: str) -> list[str]:
    return list(dict.fromkeys(text.replace(",", " ").split()))


class RulesForm(UiForm, forms.Form):
    default = forms.ChoiceField(label=pgettext_lazy("bonus rules", "Rules for everybody"))
    countries = forms.CharField(
        label=pgettext_lazy("bonus rules", "Other rules by country"),
        help_text=pgettext_lazy("bonus rules", "One a line: country code and rules, such as AE dfsa."),
        required=False, widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
    )  # fmt: skip
    reason = forms.CharField(label=pgettext_lazy("bonus rules", "Why"), max_length=300)

    def __init__(self, *args: Any, choice: PackChoice | None, **kwargs: Any) -> None:
        lines = "\n".join(f"{country} {key}" for country, key in sorted(choice.countries.items())) if choice else ""
        initial = {"default": choice.default if choice else "", "countries": lines}
        super().__init__(*args, initial=initial, **kwargs)
        field = self.fields["default"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "–"), *((pack.key, pack.name) for pack in packs().values())]

    def clean_countries(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["countries"].splitlines():
            country, _, key = line.strip().partition(" ")
            if not line.strip():
                continue
            if len(country) != 2 or not country.isalpha() or key.strip() not in packs():
                raise forms.ValidationError(
                    pgettext_lazy("bonus rules", "Write a country code and one of: %(keys)s."),
                    params={"keys": ", ".join(packs())},
                )
            found[country.upper()] = key.strip()
        return found


class PreviewForm(UiForm, forms.Form):
    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(currency=currency, label=pgettext_lazy("bonus", "A deposit of"))


class SchemeForm(UiForm, forms.Form):
    """Terms of a bonus. Names and conditions in each of the brokerage's languages."""

    code = forms.CharField(label=pgettext_lazy("bonus terms", "Name in the office"), max_length=40)
    order = forms.IntegerField(
        label=pgettext_lazy("bonus terms", "Order"), min_value=0, max_value=999, initial=50,
        help_text=pgettext_lazy("bonus terms", "Where several fit a deposit, the lowest number wins."),
    )  # fmt: skip
    enabled = forms.BooleanField(label=pgettext_lazy("bonus terms", "Switched on"), required=False, initial=True)
    percent = forms.DecimalField(
        label=pgettext_lazy("bonus terms", "Percent of the deposit"), max_digits=6, decimal_places=2
    )
    currencies = forms.CharField(
        label=pgettext_lazy("bonus terms", "Amounts by currency"),
        help_text=pgettext_lazy(
            "bonus terms",
            "One a line: currency, least deposit, most per bonus, most per client, lots per unit of bonus. "
            "EUR 100 500 1000 0.2",
        ),
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
    )  # fmt: skip
    first_only = forms.BooleanField(label=pgettext_lazy("bonus terms", "First deposit only"), required=False)
    opt_in = forms.BooleanField(
        label=pgettext_lazy("bonus terms", "The client has to accept it"), required=False, initial=True
    )
    offer_days = forms.IntegerField(
        label=pgettext_lazy("bonus terms", "Days to accept it"), min_value=1, max_value=365, initial=7
    )
    days = forms.IntegerField(
        label=pgettext_lazy("bonus terms", "Days to trade for it"), min_value=1, max_value=1000, initial=90
    )
    burn = forms.ChoiceField(label=pgettext_lazy("bonus terms", "Taking money out costs"), choices=Burn.choices)
    equity_factor = forms.DecimalField(
        label=pgettext_lazy("bonus terms", "Lost when equity falls to the bonus times"), max_digits=5,
        decimal_places=2, min_value=0, initial=Decimal(1),
    )  # fmt: skip
    starts_at = forms.DateTimeField(
        label=pgettext_lazy("bonus terms", "From"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    ends_at = forms.DateTimeField(
        label=pgettext_lazy("bonus terms", "Until"), required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    countries = CountriesField(
        label=pgettext_lazy("bonus terms", "Only these countries"), required=False,
        help_text=pgettext_lazy("bonus terms", "Codes with spaces between; empty for all."),
    )  # fmt: skip
    tags = forms.CharField(label=pgettext_lazy("bonus terms", "Only clients with a tag of"), required=False)
    account_types = forms.MultipleChoiceField(
        label=pgettext_lazy("bonus terms", "Only these account types"), required=False
    )
    symbols = forms.CharField(
        label=pgettext_lazy("bonus terms", "Lots of these symbols count"), required=False,
        help_text=pgettext_lazy("bonus terms", "EUR* for all that begin with EUR; empty for all."),
    )  # fmt: skip

    def __init__(self, *args: Any, version: SchemeVersion | None = None, **kwargs: Any) -> None:
        super().__init__(*args, initial=_initial(version), **kwargs)
        types = self.fields["account_types"]
        assert isinstance(types, forms.MultipleChoiceField)
        types.choices = [(str(row.pk), str(row)) for row in AccountType.objects.filter(live=True).order_by("name")]
        if version is not None:
            del self.fields["code"], self.fields["order"]
        self.languages = _languages()
        for language, label in self.languages:
            self.fields[f"name_{language}"] = forms.CharField(
                label=pgettext_lazy("bonus terms", "Name for clients"), max_length=80, required=False, help_text=label
            )
            self.fields[f"terms_{language}"] = forms.CharField(
                label=pgettext_lazy("bonus terms", "Conditions for clients"), max_length=2000, required=False,
                help_text=label, widget=forms.Textarea(attrs={"rows": 2}),
            )  # fmt: skip
        self.restyle()

    def restyle(self) -> None:
        from kernel.ui.forms import style_widget

        for field in self.fields.values():
            style_widget(field)

    def clean_currencies(self) -> dict[str, dict[str, Any]]:
        wrong = forms.ValidationError(
            pgettext_lazy("bonus terms", "Each line: currency, least deposit, most per bonus, most per client, lots.")
        )
        found: dict[str, dict[str, Any]] = {}
        for line in normalise_digits(self.cleaned_data["currencies"]).splitlines():
            parts = line.split()
            if not parts:
                continue
            if len(parts) != 5 or parts[0].upper() not in CURRENCIES:
                raise wrong
            currency = parts[0].upper()
            try:
                *numbers, lots = [Decimal(part) for part in parts[1:]]
                if not all(number.is_finite() for number in (*numbers, lots)):
                    raise wrong
                amounts = [Money.of(number, currency).minor for number in numbers]
            except (InvalidOperation, ValueError) as error:
                raise wrong from error
            found[currency] = dict(zip(("minimum", "cap", "client_cap"), amounts, strict=True)) | {"lots": str(lots)}
        return found

    def terms(self) -> Terms:
        data = self.cleaned_data
        texts = {
            kind: {code: data[f"{kind}_{code}"] for code, _ in self.languages if data[f"{kind}_{code}"]}
            for kind in ("name", "terms")
        }
        return Terms(
            names=texts["name"], terms=texts["terms"], countries=data["countries"],
            tags=_codes(data["tags"]), symbols=_codes(data["symbols"]),
            **{name: data[name] for name in (
                "percent", "currencies", "starts_at", "ends_at", "enabled", "first_only", "account_types", "opt_in",
                "offer_days", "days", "burn", "equity_factor",
            )},
        )  # fmt: skip


def _languages() -> list[tuple[str, str]]:
    own = context.tenant().setting("languages") or ["en"]
    names = dict(settings.LANGUAGES)
    return [(code, str(names.get(code, code))) for code in own]


def _initial(version: SchemeVersion | None) -> dict[str, Any]:
    if version is None:
        return {}
    plain = ("enabled", "percent", "first_only", "opt_in", "offer_days", "days", "burn", "equity_factor", "starts_at",
             "ends_at", "account_types")  # fmt: skip
    values: dict[str, Any] = {name: getattr(version, name) for name in plain}
    values |= {name: " ".join(getattr(version, name)) for name in ("countries", "tags", "symbols")}
    values["currencies"] = "\n".join(_line(currency, row) for currency, row in version.currencies.items())
    values |= {f"name_{code}": text for code, text in version.names.items()}
    return values | {f"terms_{code}": text for code, text in version.terms.items()}


def _line(currency: str, row: dict[str, Any]) -> str:
    amounts = [f"{Money(int(row[name]), currency).amount:f}" for name in ("minimum", "cap", "client_cap")]
    return " ".join([currency, *amounts, str(row["lots"])])
