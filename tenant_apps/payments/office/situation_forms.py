"""Forms to try rules with: who would want to pay, and to whom how much would go out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES
from kernel.ui.forms import CountryField, DateTimeInput, MoneyField, UiForm
from tenant_apps.clients import entities

from .. import registry
from ..models import Device
from ..words import method_names


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
        self.entities = list(entities.live())
        if len(self.entities) > 1:
            self.fields["entity"] = forms.ChoiceField(
                label=pgettext_lazy("client", "Legal entity"), required=False,
                choices=[("", pgettext_lazy("rule tester", "The country’s")), *((str(one.pk), one.name) for one in self.entities)],
            )  # fmt: skip
        self.order_fields(["client", "country", "entity", "level", "tags", "currency", "amount", "device", "at"])


class PayoutSituationForm(SituationForm):
    """To whom how much would go out, and by which method."""

    def __init__(self, *args: Any, currencies: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, currencies=currencies, **kwargs)
        del self.fields["device"]
        codes = dict.fromkeys(
            method.code for adapter in registry.adapters().values() for method in adapter.capabilities.payout_methods
        )
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("rule form", "Method"),
            choices=[(code, method_names().get(code, code)) for code in codes],
        )
        self.order_fields(["method", "currency", "amount", "client", "country", "entity", "level", "tags", "at"])
