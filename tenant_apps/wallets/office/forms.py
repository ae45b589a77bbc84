"""Forms of the office's wallets: rates by hand, mark-ups, the rules of exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import DecimalField, MoneyField, UiForm, style_widget

from ..models import AdjustmentReason, ExchangePolicy, TransferPolicy

CODES = [(code, code) for code in sorted(CURRENCIES)]


class RateForm(UiForm, forms.Form):
    """What one unit costs, where that is known from, and whether it is fixed."""

    base = forms.ChoiceField(label=pgettext_lazy("rate form", "One unit of"), choices=CODES, initial="USD")
    quote = forms.ChoiceField(label=pgettext_lazy("rate form", "costs in"), choices=CODES, initial="AED")
    mid = DecimalField(label=pgettext_lazy("rate form", "Rate"), max_digits=24, decimal_places=12)
    pegged = forms.BooleanField(
        label=pgettext_lazy("rate form", "Pegged"),
        required=False,
        help_text=pgettext_lazy(
            "rate form", "Fixed by law or central bank: it does not age until another rate is set."
        ),
    )
    reason = forms.CharField(
        label=pgettext_lazy("rate form", "Source and reason"),
        max_length=300,
        help_text=pgettext_lazy("rate form", "Who approves it looks there: a central bank's page, a dealer's quote."),
    )


class MarkupForm(UiForm, forms.Form):
    base = forms.ChoiceField(label=pgettext_lazy("markup form", "Currency"), choices=CODES, initial="EUR")
    quote = forms.ChoiceField(label=pgettext_lazy("markup form", "and"), choices=CODES, initial="USD")
    bps = forms.IntegerField(label=pgettext_lazy("markup form", "Mark-up in basis points"), min_value=0, max_value=2000)


class ExchangeForm(UiForm, forms.Form):
    """The rules of exchange. The minimum's decimals follow its currency."""

    enabled = forms.BooleanField(
        label=pgettext_lazy("exchange form", "Clients may exchange between their wallets"), required=False
    )
    markup_bps = forms.IntegerField(
        label=pgettext_lazy("exchange form", "Default mark-up in basis points"),
        min_value=0,
        max_value=2000,
        help_text=pgettext_lazy("exchange form", "100 basis points are one percent, taken from the mid rate."),
    )
    max_banking_days = forms.IntegerField(
        label=pgettext_lazy("exchange form", "Oldest published rate that is used, in banking days"),
        min_value=1,
        max_value=10,
        help_text=pgettext_lazy(
            "exchange form", "Weekends, Easter and the other days without a publication do not count."
        ),
    )
    max_age_hours = forms.IntegerField(
        label=pgettext_lazy("exchange form", "Oldest rate set by hand that is used, in hours"),
        min_value=1,
        max_value=744,
    )
    quote_seconds = forms.IntegerField(
        label=pgettext_lazy("exchange form", "A quote stands for, in seconds"), min_value=5, max_value=600
    )
    daily_count = forms.IntegerField(
        label=pgettext_lazy("exchange form", "Exchanges per client in 24 hours"), min_value=1, max_value=10_000
    )

    def __init__(self, *args: Any, policy: ExchangePolicy, **kwargs: Any) -> None:
        names = ("enabled", "markup_bps", "max_banking_days", "max_age_hours", "quote_seconds", "daily_count")
        kwargs["initial"] = {name: getattr(policy, name) for name in names} | {"minimum": policy.minimum}
        super().__init__(*args, **kwargs)
        self.currency = policy.minimum_currency
        self.fields["minimum"] = MoneyField(
            currency=self.currency,
            label=pgettext_lazy("exchange form", "Least amount of an exchange"),
            help_text=pgettext_lazy("exchange form", "Other currencies are compared at the mid rate."),
        )
        style_widget(self.fields["minimum"])

    def values(self) -> dict[str, Any]:
        """The policy's fields as the service takes them."""
        data = dict(self.cleaned_data)
        minimum = data.pop("minimum")
        return {**data, "minimum_minor": minimum.minor, "minimum_currency": minimum.currency}


class TransferRulesForm(UiForm, forms.Form):
    """Limits of transfers between clients in one currency."""

    def __init__(self, *args: Any, wanted: str, policy: TransferPolicy | None, **kwargs: Any) -> None:
        self.currency = wanted if wanted in CURRENCIES else "EUR"
        if policy is not None:
            kwargs["initial"] = {"minimum": policy.minimum, "daily": policy.daily, "approval": policy.approval}
        super().__init__(*args, **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("transfer rules form", "Currency"),
            choices=CODES,
            initial=self.currency,
            # The amounts' decimals and mark follow the currency.
            widget=forms.Select(
                attrs={"hx-get": "", "hx-target": "#rules-form", "hx-select": "#rules-form", "hx-swap": "outerHTML"}
            ),
        )
        self.fields["minimum"] = MoneyField(
            currency=self.currency, label=pgettext_lazy("transfer rules form", "Least amount of a transfer")
        )
        self.fields["daily"] = MoneyField(
            currency=self.currency, label=pgettext_lazy("transfer rules form", "Most per client in 24 hours")
        )
        self.fields["approval"] = MoneyField(
            currency=self.currency,
            required=False,
            allow_zero=True,
            label=pgettext_lazy("transfer rules form", "Staff approve above"),
            help_text=pgettext_lazy("transfer rules form", "The amount waits, set aside. Empty means never."),
        )
        for added in self.fields.values():
            style_widget(added)


class AdjustmentForm(UiForm, forms.Form):
    """A credit or a debit of one wallet, why, and in words."""

    direction = forms.ChoiceField(
        label=pgettext_lazy("adjustment form", "Direction"),
        choices=[
            ("credit", pgettext_lazy("adjustment form", "Credit: the client gets")),
            ("debit", pgettext_lazy("adjustment form", "Debit: the client gives")),
        ],
    )
    reason = forms.ChoiceField(label=pgettext_lazy("adjustment form", "Reason"), choices=AdjustmentReason.choices)
    text = forms.CharField(
        label=pgettext_lazy("adjustment form", "What happened"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=pgettext_lazy(
            "adjustment form", "For who approves it and for the audit trail; the client does not read it."
        ),
    )

    def __init__(self, data: Any, *, currencies: Sequence[str], wanted: str, **kwargs: Any) -> None:
        named = str((data or {}).get("currency") or wanted)
        self.currency = named if named in currencies else currencies[0]
        super().__init__(data, **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("adjustment form", "Wallet"),
            choices=[(code, code) for code in currencies],
            initial=self.currency,
            # The amount's decimals and mark follow the currency.
            widget=forms.Select(
                attrs={"hx-get": "", "hx-target": "#adjust-form", "hx-select": "#adjust-form", "hx-swap": "outerHTML"}
            ),
        )
        self.fields["amount"] = MoneyField(currency=self.currency, label=pgettext_lazy("adjustment form", "Amount"))
        for name in ("currency", "amount"):
            style_widget(self.fields[name])
        self.order_fields(["currency", "direction", "amount", "reason", "text"])

    @property
    def amount(self) -> Money:
        """Positive for a credit."""
        money: Money = self.cleaned_data["amount"]
        return money if self.cleaned_data["direction"] == "credit" else -money
