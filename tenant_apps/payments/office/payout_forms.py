"""Forms around letting money out: approval rules and what is promised."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import MoneyField, UiForm, style_widget

from .. import registry
from ..models import ApprovalRule
from ..services.chain import ANYBODY, BACK, who_choices
from ..services.rules import MOST_STEPS

CAPS = ("client_daily", "client_weekly", "client_monthly", "total_daily")


def method_choices() -> list[tuple[str, str]]:
    found = {BACK: pgettext("approval rule", "Back to where it came from")}
    for adapter in registry.adapters().values():
        for method in adapter.capabilities.payout_methods:
            found.setdefault(method.code, str(method.label))
    return list(found.items())


class PromiseForm(UiForm, forms.Form):
    """What clients are promised, and what a new payout account has to pass."""

    promised_hours = forms.IntegerField(
        label=pgettext_lazy("promise form", "Hours until a withdrawal is on its way"),
        help_text=pgettext_lazy("promise form", "Clients see the time; what is late stands out in the inbox."),
        min_value=1,
        max_value=720,
    )
    verify_destinations = forms.BooleanField(
        label=pgettext_lazy("promise form", "Verify each payout account before anything is paid to it"), required=False
    )
    cooling_hours = forms.IntegerField(
        label=pgettext_lazy("promise form", "Hours that a verified account waits before its first payment"),
        help_text=pgettext_lazy("promise form", "Whoever has taken over a client's log-in has to wait that long."),
        min_value=0,
        max_value=720,
    )


class RuleForm(UiForm, forms.Form):
    """A rule; its amounts follow the currency, and without one there are none."""

    name = forms.CharField(label=pgettext_lazy("approval rule", "Name"), max_length=80)

    def __init__(self, *args: Any, rule: ApprovalRule, **kwargs: Any) -> None:
        self.rule = rule
        super().__init__(*args, initial=self._initial(rule), **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("approval rule", "Currency"), required=False,
            choices=[("", pgettext_lazy("approval rule", "All")), *((code, code) for code in sorted(CURRENCIES))],
            widget=forms.Select(attrs={"hx-get": "", "hx-target": "#rule-form", "hx-select": "#rule-form",
                                       "hx-include": "#rule-form", "hx-swap": "outerHTML"}),
        )  # fmt: skip
        if rule.currency:
            self._amount("minimum", pgettext_lazy("approval rule", "From"))
            self._amount("maximum", pgettext_lazy("approval rule", "To"))
        self._conditions()
        self._people()
        if rule.currency:
            self._automatic()
        self.fields["position"] = forms.IntegerField(
            label=pgettext_lazy("approval rule", "Order"), min_value=0, max_value=999,
            help_text=pgettext_lazy("approval rule", "The first rule that fits decides."),
        )  # fmt: skip
        self.fields["enabled"] = forms.BooleanField(label=pgettext_lazy("approval rule", "Enabled"), required=False)
        for added in self.fields.values():
            style_widget(added)

    def _amount(self, name: str, label: Any, help_text: Any = "") -> None:
        self.fields[name] = MoneyField(
            currency=self.rule.currency, required=False, allow_zero=True, label=label, help_text=help_text
        )

    def _conditions(self) -> None:
        self.fields["methods"] = forms.MultipleChoiceField(
            label=pgettext_lazy("approval rule", "Ways out"), required=False, choices=method_choices(),
            widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
            help_text=pgettext_lazy("approval rule", "None chosen means all."),
        )  # fmt: skip
        self.fields["countries"] = forms.CharField(
            label=pgettext_lazy("approval rule", "Countries"), required=False,
            help_text=pgettext_lazy("rule form", "Two-letter codes with spaces between; empty means everywhere."),
        )  # fmt: skip
        self.fields["tags"] = forms.CharField(
            label=pgettext_lazy("approval rule", "Client has one of the tags"), required=False,
            help_text=pgettext_lazy("approval rule", "With commas between; empty means every client."),
        )  # fmt: skip
        self.fields["risk_from"] = forms.IntegerField(
            label=pgettext_lazy("approval rule", "Risk of at least"), min_value=0, max_value=100
        )

    def _people(self) -> None:
        nobody = ("-", pgettext("approval rule", "Nobody else"))
        choices = [nobody, *who_choices()]
        for number in range(MOST_STEPS):
            self.fields[f"step{number}"] = forms.ChoiceField(
                label=pgettext("approval rule", "Approval %(number)s") % {"number": number + 1},
                choices=choices,
                required=False,
            )

    def _automatic(self) -> None:
        self.fields["auto"] = forms.BooleanField(
            label=pgettext_lazy("approval rule", "Let it through without asking anybody"), required=False,
            help_text=pgettext_lazy("approval rule", "Only if every check passes, and within these caps."),
        )  # fmt: skip
        self.fields["auto_risk_below"] = forms.IntegerField(
            label=pgettext_lazy("approval rule", "Only with a risk below"), min_value=1, max_value=100
        )
        labels = {
            "client_daily": pgettext_lazy("approval rule", "At most per client in 24 hours"),
            "client_weekly": pgettext_lazy("approval rule", "At most per client in 7 days"),
            "client_monthly": pgettext_lazy("approval rule", "At most per client in 30 days"),
            "total_daily": pgettext_lazy("approval rule", "At most for all clients in 24 hours"),
        }
        for name, label in labels.items():
            self._amount(name, label)

    @staticmethod
    def _initial(rule: ApprovalRule) -> dict[str, Any]:
        def money(minor: int | None) -> Money | None:
            return None if minor is None or not rule.currency else Money(minor, rule.currency)

        steps = [step or "any" for step in rule.steps or []]
        return {
            "name": rule.name, "currency": rule.currency, "minimum": money(rule.minimum_minor or None),
            "maximum": money(rule.maximum_minor), "methods": rule.methods, "countries": " ".join(rule.countries),
            "tags": ", ".join(rule.tags), "risk_from": rule.risk_from, "position": rule.position, "enabled": rule.enabled,
            "auto": rule.auto, "auto_risk_below": rule.auto_risk_below,
            **{f"step{number}": step for number, step in enumerate(steps)},
            **{cap: money(getattr(rule, f"{cap}_minor")) for cap in CAPS},
        }  # fmt: skip

    def result(self) -> ApprovalRule:
        """The rule as typed, not yet stored."""
        data, rule = self.cleaned_data, self.rule
        rule.name, rule.currency, rule.position = data["name"], data["currency"], data["position"]
        rule.minimum_minor = data["minimum"].minor if data.get("minimum") else 0
        rule.maximum_minor = data["maximum"].minor if data.get("maximum") else None
        rule.methods, rule.countries = data["methods"], data["countries"].upper().split()
        rule.tags = [tag.strip() for tag in data["tags"].split(",") if tag.strip()]
        rule.risk_from, rule.enabled = data["risk_from"], data["enabled"]
        chosen = [data.get(f"step{number}") or "-" for number in range(MOST_STEPS)]
        rule.steps = [ANYBODY if step == "any" else step for step in chosen if step != "-"]
        rule.auto = bool(data.get("auto"))
        rule.auto_risk_below = data.get("auto_risk_below") or rule.auto_risk_below
        for cap in CAPS:
            setattr(rule, f"{cap}_minor", data[cap].minor if data.get(cap) else None)
        return rule
