"""Forms of office and portal. Rules of trading stay with the services; forms read what people typed."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.utils.html import format_html
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES
from kernel.ui.forms import CardRadioSelect, MoneyField, UiForm, normalise_digits
from tenant_apps.trading import caps
from tenant_apps.trading.adapters.mt5_manager.config import SECRET_LENGTH, fingerprint_of
from tenant_apps.trading.models import AccountType, Book, BulkWhat, Direction, Platform, TradingAccount
from tenant_apps.trading.services.account_types import TypeValues


def leverage_choices(values: Iterable[int]) -> list[tuple[int, str]]:
    return [(value, f"1:{value}") for value in sorted(values)]


def offer(form: forms.Form, name: str, choices: Iterable[tuple[Any, Any]]) -> None:
    """Set the choices of a choice field once they are known."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


# What the products every brokerage starts with say about themselves; what a broker writes is shown as written.
STARTERS = (
    pgettext_lazy("account type", "No commission, spreads from 0.8 pips"),
    pgettext_lazy("account type", "Raw spreads, commission per lot"),
    pgettext_lazy("account type", "Practice with virtual money"),
    pgettext_lazy("account type", "Netting, for large volumes"),
)


_WORDS = '<b class="block font-semibold">{}</b><span class="font-normal text-muted">{}</span>'


def _products(types: Mapping[str, AccountType]) -> list[tuple[str, Any]]:
    """One group per product with its currencies, in the order the products come in; no groups where each has only one."""
    groups: dict[str, list[tuple[str, str]]] = {}
    alone: list[tuple[str, Any]] = []
    for key, kind in types.items():
        alone.append((key, format_html(_WORDS, f"{kind.name} · {kind.currency}", kind.about)))
        groups.setdefault(format_html(_WORDS, kind.name, kind.about), []).append((key, kind.currency))
    return alone if len(groups) == len(alone) else list(groups.items())


class OpenForm(UiForm, forms.Form):
    """Which product, with which leverage. A leverage the product lacks is the service's to refuse."""

    account_type = forms.ChoiceField(label=pgettext_lazy("trading form", "Account type"), widget=CardRadioSelect)
    leverage = forms.TypedChoiceField(label=pgettext_lazy("trading form", "Leverage"), coerce=int)

    def __init__(self, *args: Any, types: Iterable[AccountType], cap: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.types = {str(kind.pk): kind for kind in types}
        offer(self, "account_type", _products(self.types))
        offered = {value for kind in self.types.values() for value in caps.allowed(kind.leverages, cap, live=kind.live)}
        offer(self, "leverage", leverage_choices(offered))
        if self.types:
            first = next(iter(self.types.values()))
            self.fields["account_type"].initial = str(first.pk)
            self.fields["leverage"].initial = caps.usual(first, cap)

    @property
    def chosen(self) -> AccountType:
        return self.types[self.cleaned_data["account_type"]]


class PlainForm(UiForm, forms.Form):
    """A question to say yes to; nothing to fill in, so its POST is empty: bind it by the method."""


class LeverageForm(UiForm, forms.Form):
    leverage = forms.TypedChoiceField(label=pgettext_lazy("trading form", "Leverage"), coerce=int)
    reason = forms.CharField(
        label=pgettext_lazy("trading form", "Reason"), max_length=200, required=False, widget=forms.TextInput
    )

    def __init__(self, *args: Any, account: TradingAccount, with_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, initial={"leverage": account.leverage}, **kwargs)
        offered = caps.allowed(account.account_type.leverages, caps.cap_of(account.client), live=account.live)
        offer(self, "leverage", leverage_choices({*offered, account.leverage}))
        if with_reason:
            self.fields["reason"].required = True
        else:
            del self.fields["reason"]


# So that nobody gives many accounts what merely stood first.
UNCHOSEN = ("", pgettext_lazy("bulk change", "Choose"))


class BulkForm(UiForm, forms.Form):
    """What many accounts get: a leverage that some type offers, or a type."""

    value = forms.ChoiceField()

    def __init__(self, *args: Any, what: str, types: Iterable[AccountType], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.what, self.types = what, {str(kind.pk): kind for kind in types}
        self.fields["value"].label = BulkWhat(what).label
        if what == BulkWhat.LEVERAGE:
            offered = {one for kind in self.types.values() for one in kind.leverages}
            offer(self, "value", [UNCHOSEN, *leverage_choices(offered)])
        else:
            offer(self, "value", [UNCHOSEN, *self._by_server()])

    def _by_server(self) -> list[tuple[str, list[tuple[str, str]]]]:
        groups: dict[str, list[tuple[str, str]]] = {}
        for key, kind in self.types.items():
            groups.setdefault(kind.server.name, []).append((key, f"{kind} \u2068{kind.group}\u2069"))
        return list(groups.items())

    @property
    def target(self) -> dict[str, Any]:
        """As `services.bulk.plan` takes it."""
        value = self.cleaned_data["value"]
        return {"leverage": int(value)} if self.what == BulkWhat.LEVERAGE else {"account_type": self.types[value]}


class TransferForm(UiForm, forms.Form):
    """Wallet to account or back, in the account's currency. `key` makes a form that is sent twice count once."""

    direction = forms.ChoiceField(
        label=pgettext_lazy("trading form", "Direction"),
        widget=CardRadioSelect,
        choices=[
            (Direction.TO_ACCOUNT.value, Direction.TO_ACCOUNT.label),
            (Direction.TO_WALLET.value, Direction.TO_WALLET.label),
        ],
        initial=Direction.TO_ACCOUNT.value,
    )
    key = forms.CharField(max_length=60, widget=forms.HiddenInput)
    confirmed = forms.BooleanField(
        label=pgettext_lazy("trading form", "I know what this costs and want it"), required=False,
        widget=forms.HiddenInput,
    )  # fmt: skip

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.costs: list[str] = []  # what taking money out does elsewhere, to be confirmed
        self.fields["amount"] = MoneyField(currency=currency, label=pgettext_lazy("trading form", "Amount"))
        self.order_fields(["direction", "amount", "confirmed", "key"])
        from kernel.ui.forms import style_widget

        style_widget(self.fields["amount"])

    def ask(self) -> None:
        """Show the box to be ticked; a form that had shown it and comes without says so."""
        from kernel.ui.forms import style_widget

        self.fields["confirmed"].widget = forms.CheckboxInput()
        style_widget(self.fields["confirmed"])
        if "confirmed" not in self.data:  # until it is shown it is a hidden field, and always sent
            self.add_error("confirmed", str(pgettext_lazy("trading form", "Please confirm.")))


class PasswordForm(UiForm, forms.Form):
    """`kinds` are those the account has on its platform."""

    KINDS = (
        ("main", pgettext_lazy("trading form", "Trading password")),
        ("investor", pgettext_lazy("trading form", "Investor password, for looking only")),
    )
    kind = forms.ChoiceField(label=pgettext_lazy("trading form", "Which password"))
    password = forms.CharField(
        label=pgettext_lazy("trading form", "New password"),
        help_text=pgettext_lazy(
            "trading form", "8 to 16 characters with a small and a capital letter, a digit and a special sign."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        max_length=16,
    )

    def __init__(self, *args: Any, kinds: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(value, label) for value, label in self.KINDS if value in kinds]


class ServerForm(UiForm, forms.Form):
    """What a connection to any trading server needs. An empty password keeps the stored one."""

    kind: Platform
    setting_names: tuple[str, ...] = ("quiet_period", "public_name", "copy_url", "authority")
    order_of_fields: tuple[str, ...] = ()
    usual_port: int

    name = forms.RegexField(r"^[A-Za-z0-9._-]{2,40}$", label=pgettext_lazy("trading server", "Name"))
    public_name = forms.CharField(
        label=pgettext_lazy("trading server", "Name in the terminal"),
        help_text=pgettext_lazy("trading server", "What clients choose as server when they log in."),
        max_length=60,
        required=False,
    )
    host = forms.CharField(label=pgettext_lazy("trading server", "Host"), max_length=253)
    port = forms.IntegerField(label=pgettext_lazy("trading server", "Port"), min_value=1, max_value=65535)
    manager = forms.IntegerField(label=pgettext_lazy("trading server", "Manager login"), min_value=1)
    password = forms.CharField(
        label=pgettext_lazy("trading server", "Manager password"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    quiet_period = forms.IntegerField(
        label=pgettext_lazy("trading server", "Quiet period in seconds"),
        help_text=pgettext_lazy(
            "trading server", "After so long without a trace, a lost operation surely did not happen. 180 is safe."
        ),
        min_value=1,
        max_value=3600,
        initial=180,
    )
    copy_url = forms.URLField(
        label=pgettext_lazy("trading server", "Where clients copy strategies"),
        help_text=pgettext_lazy(
            "trading server",
            "Address of the platform’s own page or app for it. Without one, clients are told to ask you.",
        ),
        max_length=300,
        required=False,
        assume_scheme="https",
        validators=[URLValidator(schemes=["https"])],
    )
    authority = forms.CharField(
        label=pgettext_lazy("trading server", "Certificate authority"),
        help_text=pgettext_lazy(
            "trading server",
            "Only if no public authority signed the server’s certificate: the text of the one that did, from"
            " “-----BEGIN CERTIFICATE-----” on.",
        ),
        max_length=30_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr", "spellcheck": "false"}),
    )
    enabled = forms.BooleanField(label=pgettext_lazy("trading server", "In use"), required=False, initial=True)

    def __init__(self, *args: Any, known: bool = False, is_new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["port"].initial = self.usual_port
        for name in self.fields.keys() & {"name", "host", "web_host", "plant", "environment", "broker", "fingerprint"}:
            self.fields[name].widget.attrs["dir"] = "ltr"
        self.order_fields(list(self.order_of_fields))
        self.fields["password"].required = is_new
        if known:  # nothing of the password itself, not even its end
            self.fields["password"].widget.attrs["placeholder"] = "••••••••"
            self.fields["password"].help_text = pgettext_lazy(
                "trading server", "Stored encrypted. Leave empty to keep it."
            )

    def clean_authority(self) -> str:
        text = str(self.cleaned_data["authority"]).strip()
        try:
            if text:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ValueError, OSError) as error:
            raise forms.ValidationError(pgettext_lazy("trading server", "This is no certificate.")) from error
        return text

    @property
    def settings(self) -> dict[str, Any]:
        """What goes into the server's settings."""
        return {name: self.cleaned_data[name] for name in self.setting_names}


class Mt5ServerForm(ServerForm):
    kind = Platform.MT5
    setting_names = (*ServerForm.setting_names, "transport")
    order_of_fields = ("name", "public_name", "host", "port", "transport")
    usual_port = 443

    transport = forms.ChoiceField(
        label=pgettext_lazy("trading server", "Connection type"),
        help_text=pgettext_lazy(
            "trading server",
            "TCP is for access servers without HTTPS. It is encrypted, but does not notice tampering on the way: use it"
            " inside a private network only.",
        ),
        choices=[
            ("https", "HTTPS"),
            ("raw", pgettext_lazy("trading server", "TCP, encrypted (older servers)")),
        ],
        initial="https",
    )


class CTraderServerForm(ServerForm):
    """Spotware tells a broker the addresses, plant and environment; the broker's name is that of the white label."""

    kind = Platform.CTRADER
    setting_names = (*ServerForm.setting_names, "plant", "environment", "broker", "web_host", "web_port")
    order_of_fields = ("name", "public_name", "plant", "environment", "broker", "host", "port", "web_host", "web_port")
    usual_port = 5011
    NAME = r"^[A-Za-z0-9._ -]{1,60}$"

    plant = forms.RegexField(NAME, label=pgettext_lazy("trading server", "Plant"))
    environment = forms.RegexField(
        NAME,
        label=pgettext_lazy("trading server", "Environment"),
        help_text=pgettext_lazy("trading server", "As Spotware calls it, for example live or demo."),
        initial="live",
    )
    broker = forms.RegexField(
        NAME,
        label=pgettext_lazy("trading server", "Broker name"),
        help_text=pgettext_lazy("trading server", "The white label under which accounts are opened."),
    )
    web_host = forms.CharField(
        label=pgettext_lazy("trading server", "WebServices host"),
        help_text=pgettext_lazy("trading server", "Accounts are opened there. Empty if it is the host above."),
        max_length=253,
        required=False,
    )
    web_port = forms.IntegerField(
        label=pgettext_lazy("trading server", "WebServices port"), min_value=1, max_value=65535, initial=8443
    )

    def clean_web_host(self) -> str:
        return str(self.cleaned_data["web_host"]).strip().lower()


class Mt5ManagerServerForm(ServerForm):
    """The service beside the Manager API proves itself by the secret, and by its certificate or the fingerprint of it."""

    kind = Platform.MT5_MANAGER
    setting_names = (*ServerForm.setting_names, "fingerprint")
    order_of_fields = ("name", "public_name", "host", "port", "fingerprint")
    usual_port = 7443

    manager = forms.IntegerField(
        label=pgettext_lazy("trading server", "Manager login"),
        help_text=pgettext_lazy("trading server", "As whom the service works on the trading server."),
        min_value=1,
    )
    password = forms.CharField(
        label=pgettext_lazy("trading server", "Shared secret"),
        help_text=pgettext_lazy("trading server", "The same as in the service's settings: 32 characters or more."),
        min_length=SECRET_LENGTH,
        max_length=128,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    fingerprint = forms.CharField(
        label=pgettext_lazy("trading server", "Certificate fingerprint"),
        help_text=pgettext_lazy(
            "trading server", "SHA-256, if no public authority has signed the service's certificate. Otherwise empty."
        ),
        max_length=200,
        required=False,
    )

    def clean_fingerprint(self) -> str:
        try:
            return fingerprint_of(self.cleaned_data["fingerprint"])
        except ValueError as error:
            text = pgettext_lazy("trading server", "A SHA-256 fingerprint has 64 hexadecimal digits.")
            raise forms.ValidationError(text) from error


SERVER_FORMS: Mapping[str, type[ServerForm]] = {
    form.kind.value: form for form in (Mt5ServerForm, CTraderServerForm, Mt5ManagerServerForm)
}


class NoteForm(UiForm, forms.Form):
    note = forms.CharField(
        label=pgettext_lazy("trading case", "What was found and done"), max_length=500, widget=forms.Textarea
    )


class ReasonForm(UiForm, forms.Form):
    reason = forms.CharField(label=pgettext_lazy("trading form", "Reason"), max_length=200)


class TypeForm(UiForm, forms.Form):
    """An account type. Its server is the page's; `group` is checked on the server by the service."""

    name = forms.CharField(label=pgettext_lazy("account type", "Name"), max_length=60)
    description = forms.CharField(
        label=pgettext_lazy("account type", "In a sentence, for clients"), max_length=200, required=False
    )
    group = forms.CharField(
        label=pgettext_lazy("account type", "Group on the server"),
        max_length=64,
        widget=forms.TextInput(attrs={"dir": "ltr", "list": "groups", "autocomplete": "off", "spellcheck": "false"}),
    )
    currency = forms.ChoiceField(
        label=pgettext_lazy("account type", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)]
    )
    leverages = forms.CharField(
        label=pgettext_lazy("account type", "Leverages offered"),
        help_text=pgettext_lazy("account type", "With spaces between: 5 10 20 30 for 1:5 to 1:30."),
        max_length=200,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric"}),
    )
    leverage_default = forms.IntegerField(label=pgettext_lazy("account type", "Usual leverage"), min_value=1)
    live = forms.BooleanField(
        label=pgettext_lazy("account type", "Live account"),
        help_text=pgettext_lazy("account type", "Otherwise it is for practice, with virtual money."),
        required=False,
        initial=True,
    )
    book = forms.ChoiceField(
        label=pgettext_lazy("account type", "Book"),
        help_text=pgettext_lazy("account type", "For the page of exposure; the trading server routes on its own."),
        choices=Book.choices,
        initial=Book.B,
        required=False,
    )
    offered = forms.BooleanField(
        label=pgettext_lazy("account type", "Clients may open it"), required=False, initial=True
    )
    automatic = forms.BooleanField(
        label=pgettext_lazy("account type", "Opened by itself when a client's identity is approved"), required=False
    )
    order = forms.IntegerField(label=pgettext_lazy("account type", "Order"), min_value=0, max_value=999, initial=50)

    def __init__(self, *args: Any, kind: AccountType | None = None, **kwargs: Any) -> None:
        if kind is not None:
            names = (
                "name",
                "description",
                "group",
                "currency",
                "leverage_default",
                "live",
                "book",
                "offered",
                "automatic",
                "order",
            )
            kwargs["initial"] = {name: getattr(kind, name) for name in names}
            kwargs["initial"]["leverages"] = " ".join(str(one) for one in kind.leverages)
        super().__init__(*args, **kwargs)

    def clean_leverages(self) -> list[int]:
        """Numbers in digits of any script; `1:30` is 30 too."""
        words = normalise_digits(self.cleaned_data["leverages"]).replace(",", " ").replace("،", " ").split()
        plain = [word.removeprefix("1:") for word in words]
        if not all(word.isdecimal() and len(word) < 6 for word in plain):
            raise forms.ValidationError(pgettext_lazy("account type", "Name at least one leverage, such as 30."))
        return [int(word) for word in plain]

    def values(self) -> TypeValues:
        return TypeValues(**{**self.cleaned_data, "book": self.cleaned_data["book"] or Book.B.value})
