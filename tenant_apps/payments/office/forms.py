"""Forms of the office: provider accounts with their keys, maintenance, uploads from a bank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel import secrets
from kernel.errors import AppError
from kernel.ui.forms import DateTimeInput, UiForm, UploadInput, style_widget

from .. import registry
from ..models import ProviderAccount
from ..payouts import payouts_used
from ..ports import Method
from ..words import method_name


class ProviderForm(UiForm, forms.Form):
    """Fields come from the adapter's capabilities. A secret left empty keeps the stored one, shown by its hint."""

    name = forms.CharField(label=pgettext_lazy("provider form", "Name"), max_length=80)
    mode = forms.ChoiceField(
        label=pgettext_lazy("provider form", "Mode"),
        choices=[
            ("test", pgettext_lazy("provider mode", "Test")),
            ("live", pgettext_lazy("provider mode", "Live")),
        ],
    )

    def __init__(self, *args: Any, kind: str, account: ProviderAccount | None = None, **kwargs: Any) -> None:
        self.kind = kind
        self.capabilities = registry.capabilities(kind)
        initial = {"name": self.capabilities.label, "mode": "test", "enabled": False}
        hints: dict[str, str] = {}
        if account is not None:
            hints = secrets.hints_of(account.secrets_owner)
            initial |= {"name": account.name, "mode": account.mode, "enabled": account.enabled}
            initial |= {f"set_{name}": value for name, value in account.settings.items()}
            initial["methods"] = account.methods
            initial |= {"backoff_after": account.backoff_after, "backoff_hides": account.backoff_hides}
        super().__init__(*args, initial=initial, **kwargs)
        for field in self.capabilities.fields:
            self.fields[f"set_{field.name}"] = self._field(field, hints.get(field.name, ""))
        self.fields["methods"] = forms.MultipleChoiceField(
            label=pgettext_lazy("provider form", "Methods"),
            required=False,
            choices=[(method.code, method_name(method.code)) for method in self.capabilities.methods],
            widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
            initial=account.methods if account else [method.code for method in self.capabilities.methods],
        )
        if self.capabilities.payout_methods and registry.pays_by_itself(kind):
            self.fields["payouts"] = forms.MultipleChoiceField(
                label=pgettext_lazy("provider form", "Pays out"),
                required=False,
                choices=[(method.code, method_name(method.code)) for method in self.capabilities.payout_methods],
                widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
                initial=account.payouts if account else [],
            )
        self._refund_days(account)
        self.fields["enabled"] = forms.BooleanField(
            label=pgettext_lazy("provider form", "Offered to clients"), required=False
        )
        self.fields["backoff_after"] = forms.IntegerField(
            label=pgettext_lazy("provider form", "Hold back after so many failed calls in a row"),
            help_text=pgettext_lazy(
                "provider form", "It is then offered last until it answers again. Zero: never hold it back."
            ),
            min_value=0,
            max_value=100,
            required=False,
            initial=account.backoff_after if account else 3,
        )
        self.fields["backoff_hides"] = forms.BooleanField(
            label=pgettext_lazy("provider form", "Do not offer it at all while another provider has the same method"),
            required=False,
        )
        for added in self.fields.values():
            style_widget(added)

    def _refundable(self) -> list[Method]:
        return [method for method in self.capabilities.methods if self.capabilities.refunds and method.refundable]

    def _refund_days(self, account: ProviderAccount | None) -> None:
        """How long money goes back by each method: the provider's limit, or a shorter one that its contract or a scheme has."""
        for method in self._refundable():
            self.fields[f"days_{method.code}"] = forms.IntegerField(
                label=pgettext_lazy("provider form", "%s: goes back for so many days") % method_name(method.code),
                help_text=pgettext_lazy("provider form", "Empty: as long as the provider allows it, %(days)s days.")
                % {"days": method.refund_days},
                min_value=1, max_value=method.refund_days, required=False,
                initial=account.refund_days.get(method.code) if account else None,
            )  # fmt: skip

    def refund_days(self) -> dict[str, int]:
        given = {method.code: self.cleaned_data.get(f"days_{method.code}") for method in self._refundable()}
        return {code: days for code, days in given.items() if days is not None}

    def _field(self, field: Any, hint: str) -> forms.Field:
        if field.choices:
            return forms.ChoiceField(label=field.label, choices=field.choices, initial=field.default, required=False)
        attrs = {"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}
        if field.secret and hint:
            attrs["placeholder"] = hint
        widget = forms.PasswordInput(attrs=attrs) if field.secret else forms.TextInput(attrs=attrs)
        return forms.CharField(
            label=field.label, help_text=field.help, required=False, initial=field.default, widget=widget
        )

    def refuse(self, error: AppError) -> None:
        """The service knows settings and keys by the adapter's names."""
        field = error.field if error.field in self.fields else f"set_{error.field}"
        self.add_error(field if field in self.fields else None, str(error))

    def values(self, *, secret: bool) -> dict[str, str]:
        """Settings or credentials as the service takes them."""
        return {
            field.name: str(self.cleaned_data.get(f"set_{field.name}") or "").strip()
            for field in self.capabilities.fields
            if field.secret is secret
        }


class StatusForm(UiForm, forms.Form):
    file = forms.FileField(
        label=pgettext_lazy("bank", "pain.002 file"), widget=UploadInput(accept=".xml,.pain,.002", max_bytes=8_000_000)
    )


class StatementForm(UiForm, forms.Form):
    file = forms.FileField(
        label=pgettext_lazy("bank", "camt.053 or MT940 file"),
        widget=UploadInput(accept=".xml,.camt,.053,.sta,.mt940,.940,.txt,.swi,.fin", max_bytes=8_000_000),
    )


def _ways_of(account: ProviderAccount) -> list[str]:
    """Methods in and out; one that is both rests in both directions."""
    return list(dict.fromkeys([*account.methods, *(method.code for method in payouts_used(account))]))


class MaintenanceForm(UiForm, forms.Form):
    """What is not offered, from when, until when; empty times mean now and until somebody ends it."""

    starts_at = forms.DateTimeField(
        label=pgettext_lazy("maintenance", "From"), required=False, widget=DateTimeInput,
        help_text=pgettext_lazy("maintenance", "Empty means now."),
    )  # fmt: skip
    ends_at = forms.DateTimeField(
        label=pgettext_lazy("maintenance", "Until"), required=False, widget=DateTimeInput,
        help_text=pgettext_lazy("maintenance", "Empty means until you end it."),
    )  # fmt: skip
    words = forms.CharField(
        label=pgettext_lazy("maintenance", "Why, for your colleagues"), max_length=300, required=False
    )

    def __init__(self, *args: Any, accounts: Sequence[ProviderAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ways = [(account, code) for account in accounts for code in _ways_of(account)]
        own = [(f"{account.pk}:{code}", f"{account.name}: {method_name(code)}") for account, code in ways]
        everywhere = dict.fromkeys(code for _, code in ways)
        self.fields["what"] = forms.ChoiceField(
            label=pgettext_lazy("maintenance", "What is not offered"),
            choices=[
                *((f"{account.pk}:", account.name) for account in accounts),
                *own,
                *(
                    (f":{code}", pgettext_lazy("maintenance", "%s, everywhere") % method_name(code))
                    for code in everywhere
                ),
            ],
        )
        self.order_fields(["what", "starts_at", "ends_at", "words"])
