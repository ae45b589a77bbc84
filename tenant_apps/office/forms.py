"""Forms of the office's own pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from kernel.ui.forms import CountriesField, UiForm
from tenant_apps.clients.models import LegalEntity
from tenant_apps.clients.rule_packs import packs
from tenant_apps.trading.services.bulk import MOST

from .change_kinds import entity_values
from .safeguards import LONGEST_HOLD, current


def _pack_choices() -> list[tuple[str, Any]]:
    chosen = pgettext_lazy("legal entity", "As the brokerage chose")
    return [("", chosen), *((key, pack.name) for key, pack in packs().items())]


class EntityForm(UiForm, forms.Form):
    """A company of the brokerage: as clients read it, and what follows for those who are with it."""

    name = forms.CharField(label=pgettext_lazy("legal entity", "Name, as clients read it"), max_length=120)
    registration_number = forms.CharField(
        label=pgettext_lazy("legal entity", "Registration number"), max_length=60, required=False,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )  # fmt: skip
    licence = forms.CharField(
        label=pgettext_lazy("legal entity", "Licence"), max_length=120, required=False,
        help_text=pgettext_lazy("legal entity", "Who supervises it, and under which number."),
    )  # fmt: skip
    address = forms.CharField(
        label=pgettext_lazy("legal entity", "Registered address"), max_length=300, required=False,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )  # fmt: skip
    countries = CountriesField(
        label=pgettext_lazy("legal entity", "Countries whose residents newly come to it"), required=False,
        help_text=pgettext_lazy(
            "legal entity", "Two-letter codes with spaces between; empty means every country that no other one names."
        ),
    )  # fmt: skip
    pack = forms.ChoiceField(
        label=pgettext_lazy("legal entity", "Rules that protect its clients"), choices=_pack_choices, required=False,
        help_text=pgettext_lazy("legal entity", "Where a client’s country has stricter ones, those hold."),
    )  # fmt: skip
    is_default = forms.BooleanField(
        label=pgettext_lazy("legal entity", "Default"), required=False,
        help_text=pgettext_lazy("legal entity", "Whoever no other one was said for is with it."),
    )  # fmt: skip

    def __init__(self, *args: Any, entity: LegalEntity, **kwargs: Any) -> None:
        self.entity = entity
        super().__init__(*args, initial=entity_values(entity), **kwargs)

    def result(self) -> LegalEntity:
        """The entity as typed, not yet stored."""
        for name, value in self.cleaned_data.items():
            setattr(self.entity, name, value)
        return self.entity


class SafeguardsForm(UiForm, forms.Form):
    """What `safeguards.KNOWN` names; begins with what holds now."""

    kyc_four_eyes = forms.BooleanField(
        label=pgettext_lazy("safeguard", "Two people for every identity check"), required=False,
        help_text=pgettext_lazy(
            "safeguard", "One proposes the decision and another agrees. For clients of high risk it is always so."
        ),
    )  # fmt: skip
    email_change_hold_hours = forms.IntegerField(
        label=pgettext_lazy("safeguard", "Hours without payouts after a new e-mail address"),
        min_value=0, max_value=LONGEST_HOLD,
        help_text=pgettext_lazy(
            "safeguard",
            "When staff give a client another address. It is the time in which the real owner can object; 0 asks only"
            " that the new address is confirmed.",
        ),
    )  # fmt: skip
    trading_bulk_alone = forms.IntegerField(
        label=pgettext_lazy("safeguard", "Trading accounts that one person changes within a day"),
        min_value=0, max_value=MOST,
        help_text=pgettext_lazy(
            "safeguard", "Bulk changes of leverage or type beyond this number take a second person; 0: all of them do."
        ),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.before = current()
        super().__init__(*args, initial=self.before, **kwargs)

    def changed(self) -> dict[str, bool | int]:
        return {name: value for name, value in self.cleaned_data.items() if value != self.before[name]}
