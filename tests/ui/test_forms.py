from datetime import date
from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.template import Context, Template
from django.utils import translation

from kernel.money import Money
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
        ("0,500", ".", "0.500"),
        ("0.001", ",", "0.001"),
        ("-0,250", ".", "-0.250"),
        ("1234,567", ".", "1234.567"),
        ("12,34,567.5", ".", "1234567.5"),
        ("1.5.5", ",", "1.5.5"),
        ("1,2.5", ".", "1,2.5"),
        ("0.100.000", ",", "0.100.000"),
        ("1,234.5.6", ".", "1,234.5.6"),
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
    for wrong in ("NaN", "1e3", "1_000", "1.5.5", "0x10"):
        with pytest.raises(ValidationError):
            field.clean(wrong)


@pytest.mark.parametrize("language", ["en", "de", "ar", "ru", "es"])
def test_what_a_box_shows_is_read_as_the_same_again(language: str) -> None:
    """Three decimals after a point are a thousand to a German: a limit of ten dinar must not come back as ten thousand."""
    money, plain = MoneyField(currency="KWD"), DecimalField(max_digits=6, decimal_places=3)
    with translation.override(language):
        assert money_parts(money.clean(money.prepare_value((10_000, "KWD")))) == (10_000, "KWD")
        assert plain.clean(plain.prepare_value(Decimal("1.500"))) == Decimal("1.500")
        filled = Template("{% load ui %}{{ amount|typed }}").render(Context({"amount": Money(100_000, "KWD")}))
        assert money_parts(money.clean(filled)) == (100_000, "KWD")


def test_money_field_gives_minor_units() -> None:
    with translation.override("en"):
        assert money_parts(MoneyField(currency="KWD").clean("1,250.125")) == (1250125, "KWD")
        assert money_parts(MoneyField(currency="JPY").clean("500")) == (500, "JPY")
        for wrong in ("0", "-1", "1.0001", "0,001", "1e5x", ""):
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
