"""Forms around letting money out: approval rules and what is promised."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS as WEEKDAY_NAMES
from django.utils.translation import pgettext, pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import CountriesField, MoneyField, UiForm, minor_of, style_widget

from .. import registry
from ..models import ApprovalRule, PayoutSettings, ProviderAccount
from ..payouts import payouts_used
from ..services.chain import ANYBODY, BACK, who_choices
from ..services.rules import MOST_STEPS

CAPS = ("client_daily", "client_weekly", "client_monthly", "total_daily")


def method_choices() -> list[tuple[str, str]]:
    found = {BACK: pgettext("approval rule", "Back to where it came from")}
    for adapter in registry.adapters().values():
        for method in adapter.capabilities.payout_methods:
            found.setdefault(method.code, str(method.label))
    return list(found.items())


def _ways_out() -> list[tuple[str, str]]:
    """Back to the source, and what any account pays out by."""
    used = {method.code for account in ProviderAccount.objects.all() for method in payouts_used(account)}
    return [(code, label) for code, label in method_choices() if code in used | {BACK}]


class PromiseForm(UiForm, forms.Form):
    """What clients are promised, when it counts, and what a new payout account has to pass."""

    promised_hours = forms.IntegerField(
        label=pgettext_lazy("promise form", "Hours until a withdrawal is on its way"),
        help_text=pgettext_lazy("promise form", "Clients see the time; what is late stands out in the inbox."),
        min_value=1,
        max_value=720,
    )

    def __init__(self, *args: Any, stored: PayoutSettings, **kwargs: Any) -> None:
        self.stored = stored
        initial = {**vars(stored), "work_days": [str(day) for day in stored.work_days]}
        initial |= {f"hours_{code}": hours for code, hours in stored.promised_by_method.items()}
        super().__init__(*args, initial=initial, **kwargs)
        self.ways = _ways_out()
        for code, label in self.ways:
            self.fields[f"hours_{code}"] = forms.IntegerField(
                label=pgettext("promise form", "Hours: %(way)s") % {"way": label},
                required=False,
                min_value=1,
                max_value=720,
            )
        self._add_work()
        self._add_accounts()
        for added in self.fields.values():
            style_widget(added)

    def _add_work(self) -> None:
        self.fields["work_days"] = forms.MultipleChoiceField(
            label=pgettext_lazy("promise form", "Hours count on these days"), required=False,
            choices=[(str(number), words) for number, words in WEEKDAY_NAMES.items()],
            widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
            help_text=pgettext_lazy("promise form", "None chosen means every day."),
        )  # fmt: skip
        for name, label in (
            ("work_from", pgettext_lazy("promise form", "And from (hour of the brokerage)")),
            ("work_until", pgettext_lazy("promise form", "Until")),
        ):
            self.fields[name] = forms.TimeField(
                label=label,
                required=False,
                widget=forms.TimeInput(attrs={"type": "time", "dir": "ltr"}, format="%H:%M"),
            )
        self.fields["banking_days"] = forms.BooleanField(
            label=pgettext_lazy("promise form", "Only on days on which euro banks settle"), required=False
        )

    def _add_accounts(self) -> None:
        self.fields["verify_destinations"] = forms.BooleanField(
            label=pgettext_lazy("promise form", "Verify each payout account before anything is paid to it"),
            required=False,
        )
        self.fields["cooling_hours"] = forms.IntegerField(
            label=pgettext_lazy("promise form", "Hours that a verified account waits before its first payment"),
            help_text=pgettext_lazy("promise form", "Whoever has taken over a client's log-in has to wait that long."),
            min_value=0, max_value=720,
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """As a proposal keeps them. Ways out that no account has now keep what was promised of them."""
        data, shown = self.cleaned_data, {code for code, _ in self.ways}
        kept = {code: hours for code, hours in self.stored.promised_by_method.items() if code not in shown}
        given = {code: data[f"hours_{code}"] for code in shown if data.get(f"hours_{code}")}
        plain = {
            name: data[name] for name in ("promised_hours", "verify_destinations", "cooling_hours", "banking_days")
        }
        times = {name: f"{data[name]:%H:%M}" if data[name] else None for name in ("work_from", "work_until")}
        days = sorted(int(day) for day in data["work_days"])
        return {**plain, **times, "work_days": days, "promised_by_method": dict(sorted((kept | given).items()))}


class RuleForm(UiForm, forms.Form):
    """A rule; its amounts follow the currency, and without one there are none. `needed`: the amount that a preset asks for,
    and with it the currency."""

    name = forms.CharField(label=pgettext_lazy("approval rule", "Name"), max_length=80)

    def __init__(self, *args: Any, rule: ApprovalRule, needed: str = "", **kwargs: Any) -> None:
        self.rule, self.needed = rule, needed
        super().__init__(*args, initial=self._initial(rule), **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("approval rule", "Currency"), required=bool(needed),
            choices=[*([] if needed else [("", pgettext_lazy("approval rule", "All"))]),
                     *((code, code) for code in sorted(CURRENCIES))],
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
            currency=self.rule.currency,
            required=name == self.needed,
            allow_zero=name != self.needed,
            label=label,
            help_text=help_text,
        )

    def _conditions(self) -> None:
        self.fields["methods"] = forms.MultipleChoiceField(
            label=pgettext_lazy("approval rule", "Ways out"), required=False, choices=method_choices(),
            widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
            help_text=pgettext_lazy("approval rule", "None chosen means all."),
        )  # fmt: skip
        self.fields["countries"] = CountriesField(
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
        nobodys = pgettext(
            "approval rule", "Where nobody is responsible for a client, anybody who may approve takes that step."
        )
        for number in range(MOST_STEPS):
            self.fields[f"step{number}"] = forms.ChoiceField(
                label=pgettext("approval rule", "Approval %(number)s") % {"number": number + 1},
                choices=choices,
                required=False,
                help_text="" if number else nobodys,
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
        rule.minimum_minor = minor_of(data.get("minimum")) or 0
        rule.maximum_minor = minor_of(data.get("maximum"))
        rule.methods, rule.countries = data["methods"], data["countries"]
        rule.tags = [tag.strip() for tag in data["tags"].split(",") if tag.strip()]
        rule.risk_from, rule.enabled = data["risk_from"], data["enabled"]
        chosen = [data.get(f"step{number}") or "-" for number in range(MOST_STEPS)]
        rule.steps = [ANYBODY if step == "any" else step for step in chosen if step != "-"]
        rule.auto = bool(data.get("auto"))
        rule.auto_risk_below = data.get("auto_risk_below") or rule.auto_risk_below
        for cap in CAPS:
            setattr(rule, f"{cap}_minor", minor_of(data.get(cap)))
        return rule
