"""Forms of the portal's wallets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES, Money
from kernel.ui.forms import MoneyField, UiForm, normalise_digits, style_widget

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


class SendForm(UiForm, forms.Form):
    """To whom, known by number and address, and how much. `key`: sent twice, it counts once."""

    key = forms.CharField(max_length=60, widget=forms.HiddenInput)
    number = forms.CharField(
        label=pgettext_lazy("send", "Recipient's client number"),
        max_length=12,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric", "autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=pgettext_lazy("send", "Recipient's e-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(label=pgettext_lazy("send", "Note, for you"), max_length=140, required=False)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(currency=currency, label=pgettext_lazy("send", "Amount"))
        style_widget(self.fields["amount"])
        self.order_fields(["key", "number", "email", "amount", "note"])

    def clean_number(self) -> int:
        """Digits of any script; what is no number at all is a number nobody has."""
        text = normalise_digits(self.cleaned_data["number"]).strip().lstrip("#")
        return int(text) if text.isdecimal() and len(text) < 10 else 0
