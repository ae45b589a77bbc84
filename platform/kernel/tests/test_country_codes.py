"""Countries typed as codes."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from kernel.ui.forms import CountriesField


@pytest.mark.parametrize("typed", ["IR KP", "ir, kp", "IR,KP", " IR ; kp ,", "IR، KP IR"])
def test_codes_with_spaces_or_commas_between(typed: str) -> None:
    assert CountriesField(required=False).clean(typed) == ["IR", "KP"]


@pytest.mark.parametrize("typed", ["", "  ", ","])
def test_nothing_means_everywhere(typed: str) -> None:
    assert CountriesField(required=False).clean(typed) == []


@pytest.mark.parametrize(("typed", "named"), [("IR KPP", "KPP"), ("EU", "EU"), ("XX, DE", "XX"), ("Iran", "IRAN")])
def test_what_is_no_country_is_named(typed: str, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        CountriesField(required=False).clean(typed)
