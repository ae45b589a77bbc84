"""The form of a withdrawal's fee."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.money import CURRENCIES
from kernel.ui.forms import CountriesField, DecimalField, MoneyField, UiForm, minor_of, style_widget

from ..models import ProviderAccount, WithdrawalFee
from ..services.withdrawal_fees import ways_of
from ..words import method_name


class WithdrawalFeeForm(UiForm, forms.Form):
    """What clients pay for money out by one way, in one currency. Its amounts follow the currency."""

    def __init__(
        self, *args: Any, account: ProviderAccount, row: WithdrawalFee, asked: Any = None, **kwargs: Any
    ) -> None:
        self.account, self.row = account, row
        data = args[0] if args else None
        wanted = str((data or asked or {}).get("currency") or row.currency)
        self.currency = wanted if wanted in CURRENCIES else row.currency
        super().__init__(*args, initial=self._initial(row, asked), **kwargs)
        self._for_whom()
        self._ours()
        self._theirs()
        self.fields["position"] = forms.IntegerField(
            label=pgettext_lazy("fee form", "Order"), min_value=0, max_value=999,
            help_text=pgettext_lazy("fee form", "The first fee that fits the way and the client counts."),
        )  # fmt: skip
        self.fields["enabled"] = forms.BooleanField(label=pgettext_lazy("fee form", "Enabled"), required=False)
        for added in self.fields.values():
            style_widget(added)

    def _for_whom(self) -> None:
        self.fields["method"] = forms.ChoiceField(
            label=pgettext_lazy("fee form", "Way out"),
            choices=[(code, method_name(code)) for code in ways_of(self.account.kind)],
            help_text=pgettext_lazy("fee form", "Paid out by it, or given back to a deposit that came by it."),
        )
        again = {
            "hx-get": "", "hx-include": "#fee-form", "hx-target": "#fee-form", "hx-select": "#fee-form", "hx-swap": "outerHTML",
        }  # fmt: skip
        self.fields["currency"] = forms.ChoiceField(
            label=pgettext_lazy("fee form", "Currency"), choices=[(code, code) for code in sorted(CURRENCIES)],
            initial=self.currency, widget=forms.Select(attrs=again),
        )  # fmt: skip
        self.fields["countries"] = CountriesField(
            label=pgettext_lazy("fee form", "Countries"), required=False,
            help_text=pgettext_lazy("fee form", "Two-letter codes with spaces between; empty means everywhere."),
        )  # fmt: skip
        self.fields["kyc_level"] = forms.IntegerField(
            label=pgettext_lazy("fee form", "From verification level"), min_value=0, max_value=9
        )

    def _money(self, name: str, label: Any, *, help_text: Any = "", required: bool = False) -> None:
        self.fields[name] = MoneyField(
            currency=self.currency, allow_zero=True, required=required, label=label, help_text=help_text
        )

    def _percent(self, name: str, label: Any, help_text: Any = "") -> None:
        self.fields[name] = DecimalField(
            label=label, suffix="%", max_digits=6, decimal_places=3, min_value=0, max_value=50, required=False,
            help_text=help_text,
        )  # fmt: skip

    def _ours(self) -> None:
        """The brokerage's own, which is part of the amount asked for."""
        self._money("fixed", pgettext_lazy("fee form", "Our fixed fee"))
        self._percent("percent", pgettext_lazy("fee form", "Our fee in percent of the amount asked for"))
        self._money("minimum", pgettext_lazy("fee form", "Our fee is at least"))
        self._money(
            "maximum", pgettext_lazy("fee form", "Our fee is at most"),
            help_text=pgettext_lazy("fee form", "Empty means no limit."),
        )  # fmt: skip

    def _theirs(self) -> None:
        self._money(
            "passed_on_fixed", pgettext_lazy("fee form", "The provider or network takes"),
            help_text=pgettext_lazy("fee form", "Of what you send, on its way. Clients are shown it apart; you do not book it."),
        )  # fmt: skip
        self._percent("passed_on_percent", pgettext_lazy("fee form", "The provider or network takes, in percent"))

    def _initial(self, row: WithdrawalFee, asked: Any) -> dict[str, Any]:
        """Amounts as they are stored; none in a currency chosen anew, where all else stays as it is typed."""
        known = {
            "method": row.method, "currency": self.currency, "countries": " ".join(row.countries),
            "kyc_level": row.kyc_level, "percent": row.percent, "passed_on_percent": row.passed_on_percent,
            "position": row.position, "enabled": row.enabled,
        }  # fmt: skip
        if asked:
            known |= {name: asked.get(name, "") for name in known if name not in ("currency", "enabled")}
            known["enabled"] = "enabled" in asked
        if self.currency != row.currency:
            return known
        amounts = {name: getattr(row, name) for name in ("fixed", "minimum", "maximum", "passed_on_fixed")}
        return {**known, **amounts}

    def result(self) -> WithdrawalFee:
        """The fee as typed, not yet stored."""
        data, row = self.cleaned_data, self.row
        row.method, row.currency, row.kyc_level = data["method"], data["currency"], data["kyc_level"]
        row.countries = data["countries"]
        row.percent, row.passed_on_percent = data["percent"] or Decimal(0), data["passed_on_percent"] or Decimal(0)
        row.fixed_minor, row.minimum_minor = minor_of(data["fixed"]) or 0, minor_of(data["minimum"]) or 0
        row.maximum_minor, row.passed_on_fixed_minor = minor_of(data["maximum"]), minor_of(data["passed_on_fixed"]) or 0
        row.position, row.enabled = data["position"], data["enabled"]
        return row
