from datetime import date
from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation

from kernel.ui.formatting import money_parts
from kernel.ui.forms import (
    CountryField,
    DateInput,
    DecimalField,
    MoneyField,
    PhoneField,
    UiForm,
    calling_code,
    country_choices,
    normalise_number,
)


@pytest.mark.parametrize(
    ("typed", "mark", "expected"),
    [
        ("١٬٢٣٤٫٥", ".", "1234.5"),
        ("۱۲۳۴", ".", "1234"),
        ("1.234,50", ",", "1234.50"),
        ("1,234.50", ",", "1234.50"),
        ("1,234,567", ".", "1234567"),
        ("1,234", ".", "1234"),
        ("1,23", ".", "1.23"),
        ("1.234", ",", "1234"),
        ("1,5", ",", "1.5"),
        ("1.234", ".", "1.234"),
        ("\u22125", ".", "-5"),
        ("45\u00a0000,00", ",", "45000.00"),
        ("abc", ".", "abc"),
    ],
)
def test_numbers_as_people_type_them(typed: str, mark: str, expected: str) -> None:
    assert normalise_number(typed, decimal_mark=mark) == expected


def test_decimal_field_cleans_by_language() -> None:
    field = DecimalField()
    with translation.override("ar"):
        assert field.clean("١٢٫٥") == Decimal("12.5")
    with translation.override("de"):
        assert field.clean("1.250,75") == Decimal("1250.75")
    with pytest.raises(ValidationError):
        field.clean("NaN")


def test_money_field_gives_minor_units() -> None:
    with translation.override("en"):
        assert money_parts(MoneyField(currency="KWD").clean("1,250.125")) == (1250125, "KWD")
        assert money_parts(MoneyField(currency="JPY").clean("500")) == (500, "JPY")
        for wrong in ("0", "-1", "1.0001", "1e5x", ""):
            with pytest.raises(ValidationError):
                MoneyField(currency="EUR").clean(wrong)
        assert MoneyField(currency="EUR", required=False).clean("") is None
        assert MoneyField(currency="EUR").prepare_value((5, "EUR")) == "0.05"


def test_phone_field() -> None:
    assert PhoneField().clean("+49 1512 3456789") == "+4915123456789"
    assert PhoneField(region="DE").clean("01512 3456789") == "+4915123456789"
    assert PhoneField().clean("+٩٧١ ٥٠ ١٩٢ ٢٠٨٩") == "+971501922089"
    with pytest.raises(ValidationError):
        PhoneField().clean("12")


def test_a_national_number_is_read_as_one_of_the_first_country_that_is_known() -> None:
    field = PhoneField()
    field.assume("", "ZZ", "de", "AE")
    assert field.clean("0151 23456789") == "+4915123456789"
    assert field.clean("+971501922089") == "+971501922089"
    assert field.widget.attrs["placeholder"] == "01512 3456789"
    field.assume("")
    with pytest.raises(ValidationError):
        field.clean("0151 23456789")


def test_countries_in_the_readers_language() -> None:
    names = dict(country_choices(language="de"))
    assert names["DE"] == "Deutschland"
    assert "EU" not in names
    assert len(names) in range(245, 255)
    assert CountryField().clean("KZ") == "KZ"
    with pytest.raises(ValidationError):
        CountryField(codes=["DE"]).clean("KZ")


class SampleForm(UiForm, forms.Form):
    name = forms.CharField(help_text="As in the passport")
    born = forms.DateField()
    ok = forms.BooleanField()
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)


def test_rendered_form_names_its_errors() -> None:
    html = str(SampleForm({"born": "x"}))

    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert '<ul class="grid gap-1" id="id_name_error">' in html
    assert 'aria-invalid="true"' in html
    assert isinstance(SampleForm().fields["born"].widget, DateInput)
    assert 'value="2026-11-18"' in str(SampleForm(initial={"born": date(2026, 11, 18)})["born"])
    assert "style=" not in html


class LateForm(UiForm, forms.Form):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["iban"] = forms.CharField()


def test_a_field_added_by_the_form_itself_looks_like_the_others() -> None:
    assert 'class="input"' in str(LateForm()["iban"])


def test_the_phone_error_shows_a_number_of_the_country() -> None:
    with translation.override("en"), pytest.raises(ValidationError) as refused:
        PhoneField(region="AE").clean("123")

    assert "\u2066+971 50 123 4567\u2069" in refused.value.messages[0]
    assert calling_code("ae") == "+971"
    assert calling_code("") == ""
