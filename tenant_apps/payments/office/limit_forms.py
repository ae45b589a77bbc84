"""Forms of limits: of withdrawals, of deposits, of their velocity, and from where on the source of funds is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES
from kernel.ui.forms import MoneyField, UiForm, minor_of, style_widget

from ..models import (
    DepositLimit,
    FundsAction,
    FundsThreshold,
    Measure,
    VelocityAction,
    VelocityRule,
    WithdrawalPolicy,
)
from ..services.deposit_limits import limiting_packs


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
            self.fields["currency"] = currency_choice(self.currency, free)
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
            setattr(self.row, f"{window}_minor", minor_of(data[window]))
        return self.row


def currency_choice(initial: str, codes: Sequence[str] = tuple(sorted(CURRENCIES))) -> forms.ChoiceField:
    """A currency whose choice draws the form anew: the amounts' decimals and mark follow it."""
    again = {"hx-get": "", "hx-target": "#limits-form", "hx-select": "#limits-form", "hx-swap": "outerHTML"}
    return forms.ChoiceField(
        label=pgettext_lazy("limits form", "Currency"), choices=[(code, code) for code in codes],
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
