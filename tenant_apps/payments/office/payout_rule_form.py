"""Forms around where money goes out: a rule of an account, and whom to try the rules for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import CountriesField, MoneyField, UiForm, style_widget

from .. import registry
from ..models import PayoutRule, ProviderAccount
from ..ports import PayoutMethod
from ..words import method_name, method_names
from .forms import SituationForm, tags_in


def methods_known(account: ProviderAccount) -> tuple[PayoutMethod, ...]:
    """What an account of this kind could pay out by, whether it is used or not."""
    return registry.capabilities(account.kind).payout_methods if account.kind in registry.adapters() else ()


class PayoutSituationForm(SituationForm):
    """To whom how much would go out, and by which method."""

    def __init__(self, *args: Any, currencies: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, currencies=currencies, **kwargs)
        del self.fields["device"]
        codes = dict.fromkeys(
            method.code for adapter in registry.adapters().values() for method in adapter.capabilities.payout_methods
        )
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Method"),
            choices=[(code, method_names().get(code, code)) for code in codes],
        )
        self.order_fields(["method", "currency", "amount", "client", "country", "level", "tags", "at"])


class PayoutRuleForm(UiForm, forms.Form):
    """One method in one currency through one account: for whom, within which amounts, when, in which order."""

    def __init__(self, *args: Any, account: ProviderAccount, rule: PayoutRule | None = None, **kwargs: Any) -> None:
        self.account, self.rule = account, rule
        data = args[0] if args else None
        currency = str((data or {}).get("currency") or (rule.currency if rule else "EUR"))
        self.currency = currency if currency in CURRENCIES else "EUR"
        super().__init__(*args, initial=self._initial(rule), **kwargs)
        self._add_what()
        self._add_for_whom()
        self._add_when()
        for added in self.fields.values():
            style_widget(added)

    def _add_what(self) -> None:
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Method"),
            choices=[(method.code, method_name(method.code)) for method in methods_known(self.account)],
        )
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)]
        )
        self.fields["minimum"] = MoneyField(
            currency=self.currency, allow_zero=True, required=False, label=pgettext_lazy("rule form", "Minimum")
        )
        self.fields["maximum"] = MoneyField(
            currency=self.currency, required=False, label=pgettext_lazy("rule form", "Maximum"),
            help_text=pgettext_lazy("payout rule form", "Empty means any amount."),
        )  # fmt: skip

    def _add_for_whom(self) -> None:
        self.fields["countries"] = CountriesField(
            label=pgettext_lazy("rule form", "Countries"), required=False,
            help_text=pgettext_lazy("rule form", "Two-letter codes with spaces between; empty means everywhere."),
        )  # fmt: skip
        self.fields["excluded_countries"] = CountriesField(label=pgettext_lazy("rule form", "Not in"), required=False)
        self.fields["kyc_level"] = forms.IntegerField(
            label=pgettext_lazy("rule form", "KYC level from"), min_value=0, max_value=9
        )
        for name, label in (
            ("tags_any", pgettext_lazy("rule form", "Only with one of the tags")),
            ("tags_none", pgettext_lazy("rule form", "Not with any of the tags")),
        ):
            self.fields[name] = forms.CharField(
                label=label, required=False, help_text=pgettext_lazy("rule form", "Tags with commas between.")
            )

    def _add_when(self) -> None:
        for name, label in (
            ("hours_from", pgettext_lazy("payout rule form", "From (hour of the brokerage)")),
            ("hours_until", pgettext_lazy("payout rule form", "Until")),
        ):
            self.fields[name] = forms.TimeField(
                label=label,
                required=False,
                widget=forms.TimeInput(attrs={"type": "time", "dir": "ltr"}, format="%H:%M"),
            )
        self.fields["position"] = forms.IntegerField(
            label=pgettext_lazy("rule form", "Order"), min_value=0, max_value=999,
            help_text=pgettext_lazy("payout rule form", "The lowest is tried first; the next one if it refuses."),
        )  # fmt: skip
        self.fields["enabled"] = forms.BooleanField(label=pgettext_lazy("rule form", "Enabled"), required=False)

    def _initial(self, rule: PayoutRule | None) -> dict[str, Any]:
        if rule is None:
            return {"kyc_level": 0, "position": 10, "enabled": True, "currency": self.currency}
        return {
            "method": rule.method, "currency": rule.currency, "minimum": rule.minimum, "maximum": rule.maximum,
            "countries": " ".join(rule.countries), "excluded_countries": " ".join(rule.excluded_countries),
            "kyc_level": rule.kyc_level, "tags_any": ", ".join(rule.tags_any), "tags_none": ", ".join(rule.tags_none),
            "hours_from": rule.hours_from, "hours_until": rule.hours_until, "position": rule.position,
            "enabled": rule.enabled,
        }  # fmt: skip

    def result(self) -> PayoutRule:
        """The rule as typed, not yet stored."""
        data = self.cleaned_data
        rule = self.rule or PayoutRule(provider_account=self.account)
        rule.method, rule.currency = data["method"], data["currency"]
        rule.minimum_minor, rule.maximum_minor = _minor(data["minimum"]) or 0, _minor(data["maximum"])
        rule.countries = data["countries"]
        rule.excluded_countries = data["excluded_countries"]
        rule.kyc_level, rule.position, rule.enabled = data["kyc_level"], data["position"], data["enabled"]
        rule.tags_any, rule.tags_none = tags_in(data["tags_any"]), tags_in(data["tags_none"])
        rule.hours_from, rule.hours_until = data["hours_from"], data["hours_until"]
        return rule


def _minor(typed: Money | None) -> int | None:
    return None if typed is None else typed.minor
