"""Forms of the first pages of signing up."""

from __future__ import annotations

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.ui.forms import UiForm


class EmailForm(UiForm, forms.Form):
    email = forms.EmailField(
        label=pgettext_lazy("sign-up", "Work e-mail"),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True, "placeholder": "name@company.com"}),
    )
    website = forms.CharField(required=False, widget=forms.HiddenInput)


class CodeForm(UiForm, forms.Form):
    code = forms.CharField(
        label=pgettext_lazy("sign-up", "Six-digit code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "autofocus": True}
        ),
    )
