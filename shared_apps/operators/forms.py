"""Forms of the console's log-in and of its operators."""

from __future__ import annotations

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.auth import MIN_PASSWORD
from kernel.ui.forms import UiForm

from .models import OperatorRole


class LoginForm(UiForm, forms.Form):
    email = forms.EmailField(
        label=pgettext_lazy("log-in", "E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=pgettext_lazy("log-in", "Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(UiForm, forms.Form):
    """Six digits of an authenticator, or a recovery code."""

    code = forms.CharField(
        label=pgettext_lazy("log-in", "Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "autofocus": True}
        ),
    )


class PasswordForm(UiForm, forms.Form):
    password = forms.CharField(
        label=pgettext_lazy("log-in", "New password"),
        strip=False,
        min_length=MIN_PASSWORD,
        help_text=pgettext_lazy("log-in", "At least ten characters. A few unrelated words work well."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class OperatorForm(UiForm, forms.Form):
    name = forms.CharField(label=pgettext_lazy("operator", "Full name"), max_length=120)
    email = forms.EmailField(label=pgettext_lazy("operator", "E-mail address"))
    role = forms.ChoiceField(
        label=pgettext_lazy("operator", "Role"), choices=OperatorRole.choices, initial=OperatorRole.SUPPORT
    )
