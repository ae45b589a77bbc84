"""Forms of the office: provider accounts with their keys, method rules, statement upload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel import secrets
from kernel.money import CURRENCIES, Money
from kernel.ui.forms import DecimalField, MoneyField, UiForm, UploadInput, style_widget

from .. import registry
from ..models import MethodRule, ProviderAccount, WithdrawalPolicy
from ..words import method_name


class ProviderForm(UiForm, forms.Form):
    """Fields come from the adapter's capabilities. A secret left empty keeps the stored one, shown by its hint."""

    name = forms.CharField(label=pgettext_lazy("provider form", "Name"), max_length=80)
    mode = forms.ChoiceField(
        label=pgettext_lazy("provider form", "Mode"),
        choices=[
            ("test", pgettext_lazy("provider mode", "Test")),
            ("live", pgettext_lazy("provider mode", "Live")),
        ],
    )

    def __init__(self, *args: Any, kind: str, account: ProviderAccount | None = None, **kwargs: Any) -> None:
        self.kind = kind
        self.capabilities = registry.capabilities(kind)
        initial = {"name": self.capabilities.label, "mode": "test", "enabled": False}
        hints: dict[str, str] = {}
        if account is not None:
            hints = secrets.hints_of(account.secrets_owner)
            initial |= {"name": account.name, "mode": account.mode, "enabled": account.enabled}
            initial |= {f"set_{name}": value for name, value in account.settings.items()}
            initial["methods"] = account.methods
        super().__init__(*args, initial=initial, **kwargs)
        for field in self.capabilities.fields:
            self.fields[f"set_{field.name}"] = self._field(field, hints.get(field.name, ""))
        self.fields["methods"] = forms.MultipleChoiceField(
            label=pgettext_lazy("provider form", "Methods"),
            required=False,
            choices=[(method.code, method_name(method.code)) for method in self.capabilities.methods],
            widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
            initial=account.methods if account else [method.code for method in self.capabilities.methods],
        )
        if self.capabilities.payout_methods and registry.pays_by_itself(kind):
            self.fields["payouts"] = forms.MultipleChoiceField(
                label=pgettext_lazy("provider form", "Pays out"),
                required=False,
                choices=[(method.code, method_name(method.code)) for method in self.capabilities.payout_methods],
                widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
                initial=account.payouts if account else [],
            )
        self.fields["enabled"] = forms.BooleanField(
            label=pgettext_lazy("provider form", "Offered to clients"), required=False
        )
        for added in self.fields.values():
            style_widget(added)

    def _field(self, field: Any, hint: str) -> forms.Field:
        if field.choices:
            return forms.ChoiceField(label=field.label, choices=field.choices, initial=field.default, required=False)
        attrs = {"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}
        if field.secret and hint:
            attrs["placeholder"] = hint
        widget = forms.PasswordInput(attrs=attrs) if field.secret else forms.TextInput(attrs=attrs)
        return forms.CharField(
            label=field.label, help_text=field.help, required=False, initial=field.default, widget=widget
        )

    def values(self, *, secret: bool) -> dict[str, str]:
        """Settings or credentials as the service takes them."""
        return {
            field.name: str(self.cleaned_data.get(f"set_{field.name}") or "").strip()
            for field in self.capabilities.fields
            if field.secret is secret
        }


class RuleForm(UiForm, forms.Form):
    """One method in one currency, for whom, within which limits, at what fee."""

    def __init__(self, *args: Any, account: ProviderAccount, rule: MethodRule | None = None, **kwargs: Any) -> None:
        self.account, self.rule = account, rule
        data = args[0] if args else kwargs.get("data")
        currency = str((data or {}).get("currency") or (rule.currency if rule else "EUR"))
        self.currency = currency if currency in CURRENCIES else "EUR"
        super().__init__(*args, initial=self._initial(rule), **kwargs)
        capabilities = registry.capabilities(account.kind)
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Method"),
            choices=[(method.code, method_name(method.code)) for method in capabilities.methods],
        )
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)]
        )
        self.fields["minimum"] = MoneyField(currency=self.currency, label=pgettext_lazy("rule form", "Minimum"))
        self.fields["maximum"] = MoneyField(currency=self.currency, label=pgettext_lazy("rule form", "Maximum"))
        self.fields["countries"] = forms.CharField(
            label=pgettext_lazy("rule form", "Countries"),
            required=False,
            help_text=pgettext_lazy("rule form", "Two-letter codes with spaces between; empty means everywhere."),
        )
        self.fields["excluded_countries"] = forms.CharField(label=pgettext_lazy("rule form", "Not in"), required=False)
        self.fields["kyc_level"] = forms.IntegerField(
            label=pgettext_lazy("rule form", "KYC level from"), min_value=0, max_value=9
        )
        self.fields["fee_percent"] = DecimalField(
            label=pgettext_lazy("rule form", "Fee in percent"), suffix="%", max_digits=6, decimal_places=3, min_value=0,
            max_value=50,
        )  # fmt: skip
        self.fields["fee_fixed"] = MoneyField(
            currency=self.currency, allow_zero=True, label=pgettext_lazy("rule form", "Fixed fee")
        )
        self.fields["position"] = forms.IntegerField(label=pgettext_lazy("rule form", "Order"), min_value=0)
        self.fields["enabled"] = forms.BooleanField(label=pgettext_lazy("rule form", "Enabled"), required=False)
        for added in self.fields.values():
            style_widget(added)

    def _initial(self, rule: MethodRule | None) -> dict[str, Any]:
        if rule is None:
            return {"kyc_level": 1, "fee_percent": 0, "fee_fixed": Money.zero(self.currency), "position": 10,
                    "enabled": True, "currency": self.currency}  # fmt: skip
        return {
            "method": rule.method,
            "currency": rule.currency,
            "minimum": rule.minimum,
            "maximum": rule.maximum,
            "countries": " ".join(rule.countries),
            "excluded_countries": " ".join(rule.excluded_countries),
            "kyc_level": rule.kyc_level,
            "fee_percent": rule.fee_percent,
            "fee_fixed": Money(rule.fee_fixed_minor, rule.currency),
            "position": rule.position,
            "enabled": rule.enabled,
        }

    def result(self) -> MethodRule:
        """The rule as typed, not yet stored."""
        data = self.cleaned_data
        rule = self.rule or MethodRule(provider_account=self.account)
        rule.method, rule.currency = data["method"], data["currency"]
        rule.minimum_minor, rule.maximum_minor = data["minimum"].minor, data["maximum"].minor
        rule.countries = data["countries"].upper().split()
        rule.excluded_countries = data["excluded_countries"].upper().split()
        rule.kyc_level, rule.fee_percent = data["kyc_level"], data["fee_percent"]
        rule.fee_fixed_minor = data["fee_fixed"].minor
        rule.position, rule.enabled = data["position"], data["enabled"]
        return rule


class LimitsForm(UiForm, forms.Form):
    """Limits of withdrawals in a currency; the currency of existing ones stays."""

    def __init__(
        self, *args: Any, policy: WithdrawalPolicy | None = None, free: Sequence[str] = (), **kwargs: Any
    ) -> None:
        data = args[0] if args else None
        wanted = policy.currency if policy else str((data or kwargs.get("initial") or {}).get("currency") or "")
        self.currency = wanted if wanted in CURRENCIES else (free[0] if free else "EUR")
        if policy is not None:
            caps = {"daily": policy.daily, "weekly": policy.weekly, "monthly": policy.monthly}
            kwargs["initial"] = {"kyc_level": policy.kyc_level, "minimum": policy.minimum, **caps}
        super().__init__(*args, **kwargs)
        if policy is None:
            self.fields["currency"] = forms.ChoiceField(
                label=pgettext_lazy("limits form", "Currency"),
                choices=[(code, code) for code in free],
                initial=self.currency,
                # The amounts' decimals and mark follow the currency.
                widget=forms.Select(
                    attrs={
                        "hx-get": "",
                        "hx-target": "#limits-form",
                        "hx-select": "#limits-form",
                        "hx-swap": "outerHTML",
                    }
                ),
            )
        self.fields["kyc_level"] = forms.IntegerField(
            label=pgettext_lazy("limits form", "From KYC level"), min_value=0, max_value=9, initial=0, required=False,
            help_text=pgettext_lazy("limits form", "The limits of the highest level a client has reached count."),
        )  # fmt: skip
        self.fields["minimum"] = MoneyField(
            currency=self.currency,
            label=pgettext_lazy("limits form", "Least amount of a withdrawal"),
        )
        labels = {
            "daily": pgettext_lazy("limits form", "Most per client in 24 hours"),
            "weekly": pgettext_lazy("limits form", "Most per client in 7 days"),
            "monthly": pgettext_lazy("limits form", "Most per client in 30 days"),
        }
        for name, label in labels.items():
            self.fields[name] = MoneyField(
                currency=self.currency,
                required=False,
                label=label,
                help_text=pgettext_lazy(
                    "limits form", "Everything asked for and not refused counts. Empty means no limit."
                ),
            )
        for added in self.fields.values():
            style_widget(added)


class StatusForm(UiForm, forms.Form):
    file = forms.FileField(
        label=pgettext_lazy("bank", "pain.002 file"), widget=UploadInput(accept=".xml,.pain,.002", max_bytes=8_000_000)
    )


class StatementForm(UiForm, forms.Form):
    file = forms.FileField(
        label=pgettext_lazy("bank", "camt.053 or MT940 file"),
        widget=UploadInput(accept=".xml,.camt,.053,.sta,.mt940,.940,.txt,.swi,.fin", max_bytes=8_000_000),
    )
