"""Forms of the portal's wallets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import MoneyField, UiForm

GIVE, GET = "give", "get"


class ExchangeForm(UiForm, forms.Form):
    """From one wallet to another currency; the amount is what is given or what is wanted."""

    def __init__(self, data: Any, *, give: str, get: str, **kwargs: Any) -> None:
        self.side = GET if (data or {}).get("side") == GET else GIVE
        self.give_currency, self.get_currency = give, get
        super().__init__(data, **kwargs)
        self.fields["amount"] = MoneyField(
            currency=self.currency,
            label=pgettext_lazy("exchange", "Amount"),
            error_messages={"required": pgettext_lazy("exchange", "Enter the amount.")},
        )

    @property
    def currency(self) -> str:
        """What the amount is in."""
        return self.get_currency if self.side == GET else self.give_currency

    @property
    def amount(self) -> Money:
        money: Money = self.cleaned_data["amount"]
        return money


def chosen(wanted: object, choices: list[str], *, besides: str = "") -> str:
    """The currency asked for if it is one at all, else the first of the choices."""
    if isinstance(wanted, str) and wanted in CURRENCIES:
        return wanted
    return next((code for code in choices if code != besides), besides or "EUR")
