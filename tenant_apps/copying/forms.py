"""What a client says of a strategy. What is allowed is the services' business; forms read what people typed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.ui.forms import DecimalField, MoneyField, UiForm
from tenant_apps.trading.models import TradingAccount

from .models import Strategy
from .services.strategies import Terms, wanted_of


class OfferForm(UiForm, forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("strategy", "Name"),
        help_text=pgettext_lazy("strategy", "Others know you by this name only. Do not use your own."),
        min_length=3, max_length=40,
    )  # fmt: skip
    description = forms.CharField(
        label=pgettext_lazy("strategy", "What you trade, and how"),
        max_length=600,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    performance_fee = DecimalField(
        label=pgettext_lazy("strategy", "Performance fee"), suffix="%", min_value=0, max_value=100, decimal_places=2,
        initial=Decimal(0), help_text=pgettext_lazy("strategy", "Of new profit."),
    )  # fmt: skip
    management_fee = DecimalField(
        label=pgettext_lazy("strategy", "Management fee"), suffix="%", min_value=0, max_value=100, decimal_places=2,
        initial=Decimal(0), help_text=pgettext_lazy("strategy", "Of the capital, a year."),
    )  # fmt: skip
    show_capital = forms.BooleanField(
        label=pgettext_lazy("strategy", "Show how much of my own money is on the account"), required=False
    )
    consent = forms.BooleanField(
        label=pgettext_lazy("strategy", "Other clients may see returns, drawdown and trade statistics of this account"),
        help_text=pgettext_lazy("strategy", "They stay to be seen as an ended strategy when you stop. Your name is never shown."),
    )  # fmt: skip

    def __init__(self, *args: Any, account: TradingAccount, strategy: Strategy | None, **kwargs: Any) -> None:
        said = (wanted_of(strategy) or strategy) if strategy else None
        names = ("name", "description", "performance_fee", "management_fee", "show_capital")
        initial = {name: getattr(said, name) for name in names} if said else {}
        super().__init__(*args, initial=initial, **kwargs)
        self.account = account
        money: dict[str, Any] = {"currency": account.currency, "allow_zero": True}
        self.fields["volume_fee"] = MoneyField(
            label=pgettext_lazy("strategy", "Volume fee, per lot"),
            initial=account.money(said.volume_fee_minor if said else 0), **money,
        )  # fmt: skip
        self.fields["minimum"] = MoneyField(
            label=pgettext_lazy("strategy", "Least amount to follow with"),
            initial=account.money(said.minimum_minor if said else 0), **money,
        )  # fmt: skip
        self.order_fields(["name", "description", "performance_fee", "management_fee", "volume_fee", "minimum"])

    def terms(self) -> Terms:
        data = self.cleaned_data
        return Terms(
            name=data["name"], description=data["description"], performance_fee=data["performance_fee"],
            management_fee=data["management_fee"], volume_fee_minor=data["volume_fee"].minor,
            minimum_minor=data["minimum"].minor, show_capital=data["show_capital"],
        )  # fmt: skip
