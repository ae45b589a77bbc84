"""Forms of rules: which way in or out is offered to whom, within which amounts, when and in which order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import CountriesField, DecimalField, MoneyField, UiForm, minor_of, style_widget
from tenant_apps.clients.models import LegalEntity

from .. import registry
from ..models import Device, MethodRule, PayoutRule, ProviderAccount
from ..ports import Method, PayoutMethod
from ..words import method_name

Rule = TypeVar("Rule", MethodRule, PayoutRule)


def tags_in(text: str) -> list[str]:
    """Tags as clients carry them: lower case, without doubles, in order."""
    return sorted({tag.strip().lower()[:30] for tag in text.split(",") if tag.strip()})


def payout_methods_known(account: ProviderAccount) -> tuple[PayoutMethod, ...]:
    """What an account of this kind could pay out by, whether it is used or not."""
    return registry.capabilities(account.kind).payout_methods if account.kind in registry.adapters() else ()


class _WayForm(UiForm, forms.Form, Generic[Rule]):
    """What rules of both directions have: one method in one currency, for whom, when, and in which order."""

    def __init__(self, *args: Any, account: ProviderAccount, rule: Rule | None = None, **kwargs: Any) -> None:
        self.account = account
        self.rule: Rule | None = rule
        data = args[0] if args else None
        currency = str((data or {}).get("currency") or (rule.currency if rule else "EUR"))
        self.currency = currency if currency in CURRENCIES else "EUR"
        super().__init__(*args, initial=self._fresh() if rule is None else self._of(rule), **kwargs)
        self._add_fields()
        for added in self.fields.values():
            style_widget(added)

    @abstractmethod
    def _add_fields(self) -> None:
        """In the order in which they stand on the page."""

    def _fresh(self) -> dict[str, Any]:
        """What a new rule begins with."""
        return {"currency": self.currency, "position": 10, "enabled": True}

    def _of(self, rule: Rule) -> dict[str, Any]:
        same = (
            "method",
            "currency",
            "minimum",
            "maximum",
            "kyc_level",
            "hours_from",
            "hours_until",
            "position",
            "enabled",
        )
        return {
            **{name: getattr(rule, name) for name in same},
            "countries": " ".join(rule.countries),
            "excluded_countries": " ".join(rule.excluded_countries),
            "entities": rule.entities,
            "tags_any": ", ".join(rule.tags_any),
            "tags_none": ", ".join(rule.tags_none),
        }

    def _typed(self, rule: Rule) -> Rule:
        data = self.cleaned_data
        for name in (
            "method", "currency", "countries", "excluded_countries", "kyc_level", "hours_from", "hours_until", "position",
            "enabled",
        ):  # fmt: skip
            setattr(rule, name, data[name])
        rule.entities = data.get("entities", rule.entities)
        rule.tags_any, rule.tags_none = tags_in(data["tags_any"]), tags_in(data["tags_none"])
        return rule

    def _add_way(self, methods: Sequence[Method | PayoutMethod]) -> None:
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Method"),
            choices=[(method.code, method_name(method.code)) for method in methods],
        )
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)]
        )

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

        self._add_entities()

    def _add_entities(self) -> None:
        """Only where there is something to choose; archived ones that the rule names stay named."""
        named = set(self.rule.entities) if self.rule else set()
        rows = LegalEntity.objects.order_by("-is_default", "name", "pk")
        choices = [(str(row.pk), row.name) for row in rows if row.archived_at is None or str(row.pk) in named]
        if len(choices) > 1:
            self.fields["entities"] = forms.MultipleChoiceField(
                label=pgettext_lazy("rule form", "Legal entities"), required=False, choices=choices,
                widget=forms.CheckboxSelectMultiple,
                help_text=pgettext_lazy("rule form", "Whose clients it is for; none chosen means all."),
            )  # fmt: skip

    def _add_hours(self, since: Any, until: Any) -> None:
        for name, label in (("hours_from", since), ("hours_until", until)):
            self.fields[name] = forms.TimeField(
                label=label,
                required=False,
                widget=forms.TimeInput(attrs={"type": "time", "dir": "ltr"}, format="%H:%M"),
            )

    def _add_order(self, help_text: Any = "") -> None:
        self.fields["position"] = forms.IntegerField(
            label=pgettext_lazy("rule form", "Order"), min_value=0, max_value=999, help_text=help_text
        )
        self.fields["enabled"] = forms.BooleanField(label=pgettext_lazy("rule form", "Enabled"), required=False)


class RuleForm(_WayForm[MethodRule]):
    """One method in one currency, for whom, within which limits, at what fee."""

    FEES = ("fee", "cost", "passed_on")

    def _add_fields(self) -> None:
        self._add_way(registry.capabilities(self.account.kind).methods)
        self.fields["minimum"] = MoneyField(currency=self.currency, label=pgettext_lazy("rule form", "Minimum"))
        self.fields["maximum"] = MoneyField(currency=self.currency, label=pgettext_lazy("rule form", "Maximum"))
        self._add_for_whom()
        self.fields["device"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Device"),
            required=False,
            choices=[("", pgettext_lazy("rule form", "All devices")), *Device.choices],
        )
        self._add_hours(
            pgettext_lazy("rule form", "Offered from (hour of the brokerage)"),
            pgettext_lazy("rule form", "Offered until"),
        )
        self._add_fees()
        self._add_order()

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

    def _fresh(self) -> dict[str, Any]:
        nothing = {f"{fee}_percent": 0 for fee in self.FEES} | {
            f"{fee}_fixed": Money.zero(self.currency) for fee in self.FEES
        }
        return super()._fresh() | nothing | {"kyc_level": 1}

    def _of(self, rule: MethodRule) -> dict[str, Any]:
        taken: dict[str, Any] = {"device": rule.device}
        for fee in self.FEES:
            taken[f"{fee}_percent"] = getattr(rule, f"{fee}_percent")
            taken[f"{fee}_fixed"] = Money(getattr(rule, f"{fee}_fixed_minor"), rule.currency)
        return super()._of(rule) | taken

    def result(self) -> MethodRule:
        """The rule as typed, not yet stored."""
        data = self.cleaned_data
        rule = self._typed(self.rule or MethodRule(provider_account=self.account))
        rule.minimum_minor, rule.maximum_minor = data["minimum"].minor, data["maximum"].minor
        rule.device = data["device"]
        for fee in self.FEES:
            setattr(rule, f"{fee}_percent", data[f"{fee}_percent"] or Decimal(0))
            setattr(rule, f"{fee}_fixed_minor", minor_of(data[f"{fee}_fixed"]) or 0)
        return rule


class PayoutRuleForm(_WayForm[PayoutRule]):
    """One method in one currency through one account: for whom, within which amounts, when, in which order."""

    def _add_fields(self) -> None:
        self._add_way(payout_methods_known(self.account))
        self.fields["minimum"] = MoneyField(
            currency=self.currency, allow_zero=True, required=False, label=pgettext_lazy("rule form", "Minimum")
        )
        self.fields["maximum"] = MoneyField(
            currency=self.currency, required=False, label=pgettext_lazy("rule form", "Maximum"),
            help_text=pgettext_lazy("payout rule form", "Empty means any amount."),
        )  # fmt: skip
        self._add_for_whom()
        self._add_hours(
            pgettext_lazy("payout rule form", "From (hour of the brokerage)"),
            pgettext_lazy("payout rule form", "Until"),
        )
        self._add_order(pgettext_lazy("payout rule form", "The lowest is tried first; the next one if it refuses."))

    def _fresh(self) -> dict[str, Any]:
        return super()._fresh() | {"kyc_level": 0}

    def result(self) -> PayoutRule:
        """The rule as typed, not yet stored."""
        rule = self._typed(self.rule or PayoutRule(provider_account=self.account))
        rule.minimum_minor = minor_of(self.cleaned_data["minimum"]) or 0
        rule.maximum_minor = minor_of(self.cleaned_data["maximum"])
        return rule
