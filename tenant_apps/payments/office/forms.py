"""Forms of the office: provider accounts with their keys, method rules, statement upload."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel import secrets
from kernel.money import CURRENCIES, Money
from kernel.ui.forms import (
    CountriesField,
    CountryField,
    DateTimeInput,
    DecimalField,
    MoneyField,
    UiForm,
    UploadInput,
    style_widget,
)

from .. import registry
from ..models import (
    DepositLimit,
    Device,
    FundsAction,
    FundsThreshold,
    Measure,
    MethodRule,
    ProviderAccount,
    VelocityAction,
    VelocityRule,
    WithdrawalPolicy,
)
from ..payouts import payouts_used
from ..ports import Method
from ..services.deposit_limits import limiting_packs
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
            initial |= {"backoff_after": account.backoff_after, "backoff_hides": account.backoff_hides}
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
        self._refund_days(account)
        self.fields["enabled"] = forms.BooleanField(
            label=pgettext_lazy("provider form", "Offered to clients"), required=False
        )
        self.fields["backoff_after"] = forms.IntegerField(
            label=pgettext_lazy("provider form", "Hold back after so many failed calls in a row"),
            help_text=pgettext_lazy(
                "provider form", "It is then offered last until it answers again. Zero: never hold it back."
            ),
            min_value=0,
            max_value=100,
            required=False,
            initial=account.backoff_after if account else 3,
        )
        self.fields["backoff_hides"] = forms.BooleanField(
            label=pgettext_lazy("provider form", "Do not offer it at all while another provider has the same method"),
            required=False,
        )
        for added in self.fields.values():
            style_widget(added)

    def _refundable(self) -> list[Method]:
        return [method for method in self.capabilities.methods if self.capabilities.refunds and method.refundable]

    def _refund_days(self, account: ProviderAccount | None) -> None:
        """How long money goes back by each method: the provider's limit, or a shorter one that its contract or a scheme has."""
        for method in self._refundable():
            self.fields[f"days_{method.code}"] = forms.IntegerField(
                label=pgettext_lazy("provider form", "%s: goes back for so many days") % method_name(method.code),
                help_text=pgettext_lazy("provider form", "Empty: as long as the provider allows it, %(days)s days.")
                % {"days": method.refund_days},
                min_value=1, max_value=method.refund_days, required=False,
                initial=account.refund_days.get(method.code) if account else None,
            )  # fmt: skip

    def refund_days(self) -> dict[str, int]:
        given = {method.code: self.cleaned_data.get(f"days_{method.code}") for method in self._refundable()}
        return {code: days for code, days in given.items() if days is not None}

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


def tags_in(text: str) -> list[str]:
    """Tags as clients carry them: lower case, without doubles, in order."""
    return sorted({tag.strip().lower()[:30] for tag in text.split(",") if tag.strip()})


class RuleForm(UiForm, forms.Form):
    """One method in one currency, for whom, within which limits, at what fee."""

    def __init__(self, *args: Any, account: ProviderAccount, rule: MethodRule | None = None, **kwargs: Any) -> None:
        self.account, self.rule = account, rule
        data = args[0] if args else kwargs.get("data")
        currency = str((data or {}).get("currency") or (rule.currency if rule else "EUR"))
        self.currency = currency if currency in CURRENCIES else "EUR"
        super().__init__(*args, initial=self._initial(rule), **kwargs)
        self._add_what()
        self._add_for_whom()
        self._add_when()
        self._add_fees()
        self.fields["position"] = forms.IntegerField(label=pgettext_lazy("rule form", "Order"), min_value=0)
        self.fields["enabled"] = forms.BooleanField(label=pgettext_lazy("rule form", "Enabled"), required=False)
        for added in self.fields.values():
            style_widget(added)

    def _add_what(self) -> None:
        capabilities = registry.capabilities(self.account.kind)
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Method"),
            choices=[(method.code, method_name(method.code)) for method in capabilities.methods],
        )
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)]
        )
        self.fields["minimum"] = MoneyField(currency=self.currency, label=pgettext_lazy("rule form", "Minimum"))
        self.fields["maximum"] = MoneyField(currency=self.currency, label=pgettext_lazy("rule form", "Maximum"))

    def _add_for_whom(self) -> None:
        self.fields["countries"] = CountriesField(
            label=pgettext_lazy("rule form", "Countries"),
            required=False,
            help_text=pgettext_lazy("rule form", "Two-letter codes with spaces between; empty means everywhere."),
        )
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
        self.fields["device"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Device"),
            required=False,
            choices=[("", pgettext_lazy("rule form", "All devices")), *Device.choices],
        )

    def _add_when(self) -> None:
        for name, label in (
            ("hours_from", pgettext_lazy("rule form", "Offered from (hour of the brokerage)")),
            ("hours_until", pgettext_lazy("rule form", "Offered until")),
        ):
            self.fields[name] = forms.TimeField(
                label=label,
                required=False,
                widget=forms.TimeInput(attrs={"type": "time", "dir": "ltr"}, format="%H:%M"),
            )

    def _add_fees(self) -> None:
        """The broker's, which clients are shown, the provider's, which they are not, and what it charges them itself."""
        self.fields["fee_percent"] = DecimalField(
            label=pgettext_lazy("rule form", "Fee in percent"), suffix="%", max_digits=6, decimal_places=3, min_value=0,
            max_value=50,
        )  # fmt: skip
        self.fields["fee_fixed"] = MoneyField(
            currency=self.currency, allow_zero=True, label=pgettext_lazy("rule form", "Fixed fee")
        )
        self.fields["cost_percent"] = DecimalField(
            label=pgettext_lazy("rule form", "The provider's own charge in percent"), suffix="%", max_digits=6,
            decimal_places=3, min_value=0, max_value=50, required=False,
            help_text=pgettext_lazy("rule form", "What it costs you. Clients do not see it; it is counted in the figures."),
        )  # fmt: skip
        self.fields["cost_fixed"] = MoneyField(
            currency=self.currency, allow_zero=True, required=False,
            label=pgettext_lazy("rule form", "The provider's own fixed charge"),
        )  # fmt: skip
        self.fields["passed_on_percent"] = DecimalField(
            label=pgettext_lazy("rule form", "The provider charges the payer on top, in percent"), suffix="%", max_digits=6,
            decimal_places=3, min_value=0, max_value=50, required=False,
            help_text=pgettext_lazy("rule form", "Clients are shown it apart from your fee. It is not yours: you do not book it."),
        )  # fmt: skip
        self.fields["passed_on_fixed"] = MoneyField(
            currency=self.currency, allow_zero=True, required=False,
            label=pgettext_lazy("rule form", "The provider charges the payer on top, fixed"),
        )  # fmt: skip

    def _initial(self, rule: MethodRule | None) -> dict[str, Any]:
        if rule is None:
            return {"kyc_level": 1, "fee_percent": 0, "fee_fixed": Money.zero(self.currency), "position": 10,
                    "cost_percent": 0, "cost_fixed": Money.zero(self.currency), "passed_on_percent": 0,
                    "passed_on_fixed": Money.zero(self.currency), "enabled": True, "currency": self.currency}  # fmt: skip
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
            "tags_any": ", ".join(rule.tags_any),
            "tags_none": ", ".join(rule.tags_none),
            "device": rule.device,
            "hours_from": rule.hours_from,
            "hours_until": rule.hours_until,
            "cost_percent": rule.cost_percent,
            "cost_fixed": Money(rule.cost_fixed_minor, rule.currency),
            "passed_on_percent": rule.passed_on_percent,
            "passed_on_fixed": Money(rule.passed_on_fixed_minor, rule.currency),
            "position": rule.position,
            "enabled": rule.enabled,
        }

    def result(self) -> MethodRule:
        """The rule as typed, not yet stored."""
        data = self.cleaned_data
        rule = self.rule or MethodRule(provider_account=self.account)
        rule.method, rule.currency = data["method"], data["currency"]
        rule.minimum_minor, rule.maximum_minor = data["minimum"].minor, data["maximum"].minor
        rule.countries = data["countries"]
        rule.excluded_countries = data["excluded_countries"]
        rule.kyc_level, rule.fee_percent = data["kyc_level"], data["fee_percent"]
        rule.fee_fixed_minor = data["fee_fixed"].minor
        rule.tags_any, rule.tags_none = tags_in(data["tags_any"]), tags_in(data["tags_none"])
        rule.device, rule.hours_from, rule.hours_until = data["device"], data["hours_from"], data["hours_until"]
        rule.cost_percent = data["cost_percent"] or Decimal(0)
        rule.cost_fixed_minor = data["cost_fixed"].minor if data["cost_fixed"] else 0
        rule.passed_on_percent = data["passed_on_percent"] or Decimal(0)
        rule.passed_on_fixed_minor = data["passed_on_fixed"].minor if data["passed_on_fixed"] else 0
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


def _ways_of(account: ProviderAccount) -> list[str]:
    """Methods in and out; one that is both rests in both directions."""
    return list(dict.fromkeys([*account.methods, *(method.code for method in payouts_used(account))]))


class MaintenanceForm(UiForm, forms.Form):
    """What is not offered, from when, until when; empty times mean now and until somebody ends it."""

    starts_at = forms.DateTimeField(
        label=pgettext_lazy("maintenance", "From"), required=False, widget=DateTimeInput,
        help_text=pgettext_lazy("maintenance", "Empty means now."),
    )  # fmt: skip
    ends_at = forms.DateTimeField(
        label=pgettext_lazy("maintenance", "Until"), required=False, widget=DateTimeInput,
        help_text=pgettext_lazy("maintenance", "Empty means until you end it."),
    )  # fmt: skip
    words = forms.CharField(
        label=pgettext_lazy("maintenance", "Why, for your colleagues"), max_length=300, required=False
    )

    def __init__(self, *args: Any, accounts: Sequence[ProviderAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ways = [(account, code) for account in accounts for code in _ways_of(account)]
        own = [(f"{account.pk}:{code}", f"{account.name}: {method_name(code)}") for account, code in ways]
        everywhere = dict.fromkeys(code for _, code in ways)
        self.fields["what"] = forms.ChoiceField(
            label=pgettext_lazy("maintenance", "What is not offered"),
            choices=[
                *((f"{account.pk}:", account.name) for account in accounts),
                *own,
                *(
                    (f":{code}", pgettext_lazy("maintenance", "%s, everywhere") % method_name(code))
                    for code in everywhere
                ),
            ],
        )
        self.order_fields(["what", "starts_at", "ends_at", "words"])


class SituationForm(UiForm, forms.Form):
    """Who would want to pay: a client, or what matters of one."""

    client = forms.CharField(
        label=pgettext_lazy("rule tester", "Client's number or e-mail address"), required=False, max_length=254,
        help_text=pgettext_lazy("rule tester", "Country, level and tags are then the client's."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )  # fmt: skip
    country = CountryField(label=pgettext_lazy("rule tester", "Country"), required=False)
    level = forms.IntegerField(
        label=pgettext_lazy("rule tester", "Verification level"), required=False, min_value=0, max_value=9, initial=1
    )
    tags = forms.CharField(label=pgettext_lazy("rule tester", "Tags"), required=False, max_length=300)
    device = forms.ChoiceField(
        label=pgettext_lazy("rule tester", "Device"), choices=Device.choices, required=False, initial=Device.DESKTOP
    )
    at = forms.DateTimeField(
        label=pgettext_lazy("rule tester", "Time"), required=False, widget=DateTimeInput,
        help_text=pgettext_lazy("rule tester", "Empty means now."),
    )  # fmt: skip

    def __init__(self, *args: Any, currencies: Sequence[str], **kwargs: Any) -> None:
        data = args[0] if args else None
        wanted = str((data or {}).get("currency") or "")
        self.currency = wanted if wanted in CURRENCIES else (currencies[0] if currencies else "EUR")
        super().__init__(*args, **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("rule tester", "Currency"),
            choices=[(code, code) for code in currencies or ["EUR"]],
            initial=self.currency,
        )
        self.fields["amount"] = MoneyField(
            currency=self.currency, label=pgettext_lazy("rule tester", "Amount"), required=False
        )
        self.order_fields(["client", "country", "level", "tags", "currency", "amount", "device", "at"])


class DepositLimitForm(UiForm, forms.Form):
    """What one client of a level may pay in; empty windows have no limit."""

    def __init__(self, *args: Any, row: DepositLimit, known: bool, asked: Any = None, **kwargs: Any) -> None:
        self.row, self.known = row, known
        data = args[0] if args else None
        wanted = row.currency or str((data or asked or {}).get("currency") or "")
        self.currency = wanted if wanted in CURRENCIES else "EUR"
        if known:
            kwargs["initial"] = {window: row.of(window) for window in ("day", "week", "month", "total")}
        super().__init__(*args, **kwargs)
        if not known:
            self.fields["currency"] = currency_choice(self.currency)
            self.fields["kyc_level"] = forms.IntegerField(
                label=pgettext_lazy("limits form", "From verification level"), min_value=0, max_value=9, initial=1
            )
            self.fields["pack"] = forms.ChoiceField(
                label=pgettext_lazy("limits form", "For residents under"), required=False,
                choices=[("", pgettext_lazy("limits form", "Everybody")), *limiting_packs().items()],
                help_text=pgettext_lazy("limits form", "Holds beside what is set for everybody; the narrower limit counts."),
            )  # fmt: skip
        for window, label in (
            ("day", pgettext_lazy("limits form", "At most in 24 hours")),
            ("week", pgettext_lazy("limits form", "At most in 7 days")),
            ("month", pgettext_lazy("limits form", "At most in 30 days")),
            ("total", pgettext_lazy("limits form", "At most in total")),
        ):
            self.fields[window] = MoneyField(currency=self.currency, required=False, label=label)

    def result(self) -> DepositLimit:
        data = self.cleaned_data
        if not self.known:
            self.row.currency, self.row.kyc_level, self.row.pack = self.currency, data["kyc_level"], data["pack"]
        for window in ("day", "week", "month", "total"):
            setattr(self.row, f"{window}_minor", None if data[window] is None else data[window].minor)
        return self.row


def currency_choice(initial: str) -> forms.ChoiceField:
    """A currency whose choice draws the form anew: the amounts' decimals and mark follow it."""
    again = {"hx-get": "", "hx-target": "#limits-form", "hx-select": "#limits-form", "hx-swap": "outerHTML"}
    return forms.ChoiceField(
        label=pgettext_lazy("limits form", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)],
        initial=initial, widget=forms.Select(attrs=again),
    )  # fmt: skip


class VelocityForm(UiForm, forms.Form):
    """So many of something in so many hours, and what then."""

    measure = forms.ChoiceField(label=pgettext_lazy("limits form", "What is counted"), choices=Measure.choices)
    most = forms.IntegerField(label=pgettext_lazy("limits form", "From so many on"), min_value=1, max_value=1000)
    hours = forms.IntegerField(label=pgettext_lazy("limits form", "Within so many hours"), min_value=1, max_value=720)
    action = forms.ChoiceField(label=pgettext_lazy("limits form", "What then"), choices=VelocityAction.choices)

    def __init__(self, *args: Any, row: VelocityRule, known: bool, asked: Any = None, **kwargs: Any) -> None:
        self.row = row
        if known:
            kwargs["initial"] = {"measure": row.measure, "most": row.most, "hours": row.hours, "action": row.action}
        super().__init__(*args, **kwargs)

    def result(self) -> VelocityRule:
        for name, value in self.cleaned_data.items():
            setattr(self.row, name, value)
        return self.row


class ThresholdForm(UiForm, forms.Form):
    """From how much on the source of funds has to be known, and what happens to deposits above it."""

    def __init__(self, *args: Any, row: FundsThreshold, known: bool, asked: Any = None, **kwargs: Any) -> None:
        self.row, self.known = row, known
        data = args[0] if args else None
        wanted = row.currency or str((data or asked or {}).get("currency") or "")
        self.currency = wanted if wanted in CURRENCIES else "EUR"
        if known:
            kwargs["initial"] = {"amount": row.amount, "action": row.action}
        super().__init__(*args, **kwargs)
        if not known:
            self.fields["currency"] = currency_choice(self.currency)
        self.fields["amount"] = MoneyField(
            currency=self.currency, label=pgettext_lazy("limits form", "Paid in altogether more than")
        )
        self.fields["action"] = forms.ChoiceField(
            label=pgettext_lazy("limits form", "What goes above it, until the source is accepted"),
            choices=FundsAction.choices,
        )

    def result(self) -> FundsThreshold:
        data = self.cleaned_data
        self.row.currency, self.row.amount_minor, self.row.action = self.currency, data["amount"].minor, data["action"]
        return self.row
