"""What clients type into the cashier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import Money
from kernel.ui.forms import MoneyField, UiForm, UploadInput, style_widget

from ..models import Destination, FundsOrigin
from ..ports import DestinationField, PayoutMethod, Shape


class DepositForm(UiForm, forms.Form):
    """Amount in one currency and the offer to pay with."""

    method = forms.CharField(widget=forms.HiddenInput, required=True)
    target = forms.CharField(required=False)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(
            currency=currency,
            label=pgettext_lazy("cashier", "Amount"),
            error_messages={"required": pgettext_lazy("cashier", "Enter the amount.")},
        )


class WithdrawalForm(UiForm, forms.Form):
    """Amount, and where to if not everything can go back to where it came from: an account of the address book, or a bank
    account typed here. `key`: sent twice, it counts once. `fee` is what the page showed as our fee, in minor units."""

    key = forms.CharField(max_length=60, required=False, widget=forms.HiddenInput)
    fee = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, currency: str, destinations: Sequence[Destination] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["amount"] = MoneyField(currency=currency, label=pgettext_lazy("cashier", "Amount"))
        self.by_id = {str(row.pk): row for row in destinations}
        self.fields["destination"] = forms.ChoiceField(
            label=pgettext_lazy("cashier", "To"), required=False,
            choices=[("", ""), *((key, row.label) for key, row in self.by_id.items())],
        )  # fmt: skip
        self.fields["holder"] = forms.CharField(
            label=pgettext_lazy("cashier", "Account holder"), max_length=120, required=False
        )
        self.fields["iban"] = forms.CharField(
            label=pgettext_lazy("cashier", "IBAN"),
            max_length=42,
            required=False,
            widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
        )
        self.fields["bank"] = forms.CharField(label=pgettext_lazy("cashier", "Bank"), max_length=120, required=False)

    def clean_fee(self) -> Money:
        """Nothing shown is no fee shown: a fee is agreed to only when it stood on the page."""
        return Money(self.cleaned_data["fee"] or 0, self.currency)

    def clean_destination(self) -> Destination | None:
        return self.by_id.get(self.cleaned_data["destination"])


class DestinationForm(UiForm, forms.Form):
    """The fields that a payout method asks for. What is wrong with them the service says."""

    def __init__(self, *args: Any, method: PayoutMethod, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in method.fields:
            self.fields[field.name] = self._field(field)
        for added in self.fields.values():
            style_widget(added)

    @staticmethod
    def _field(field: DestinationField) -> forms.Field:
        shared: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": field.required}
        if field.choices:
            return forms.ChoiceField(choices=[("", ""), *field.choices], **shared)
        attrs = {"autocomplete": "off", "spellcheck": "false"}
        if field.shape is not Shape.TEXT:
            attrs["dir"] = "ltr"
        widget = (forms.EmailInput if field.shape is Shape.EMAIL else forms.TextInput)(attrs=attrs)
        return forms.CharField(max_length=field.longest * 2, widget=widget, **shared)


class FundsForm(UiForm, forms.Form):
    """Where the money comes from, in a word, a sentence and a paper."""

    origin = forms.ChoiceField(
        label=pgettext_lazy("cashier", "Where does the money come from?"), choices=[("", "—"), *FundsOrigin.choices]
    )
    text = forms.CharField(
        label=pgettext_lazy("cashier", "Tell us more, if you like"), required=False, max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    file = forms.FileField(
        label=pgettext_lazy("cashier", "A document that shows it"), required=False,
        help_text=pgettext_lazy("cashier", "A payslip, a tax assessment, a bank statement, a contract of sale: picture or PDF."),
        widget=UploadInput(accept=".pdf,image/*", max_bytes=8_000_000),
    )  # fmt: skip
