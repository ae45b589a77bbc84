from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from kernel.ui import formatting, forms, icons, sparkline
from kernel.ui.formatting import locale_for

NBSP, MINUS = "\u00a0", "\u2212"


def draw(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    ("language", "minor", "currency", "expected"),
    [
        ("en", 125050, "USD", "$1,250.50"),
        ("en", -78624, "USD", f"{MINUS}$786.24"),
        ("en", 1250000, "KWD", f"KWD{NBSP}1,250.000"),
        ("en", 500, "JPY", "¥500"),
        ("en", 0, "EUR", "€0.00"),
        ("de", -125050, "EUR", f"{MINUS}1.250,50{NBSP}€"),
        ("ru", 4500000, "KZT", f"45{NBSP}000,00{NBSP}₸"),
        ("ar", 123456789, "USD", "$1,234,567.89"),
        ("ar", 1250000, "KWD", f"1,250.000{NBSP}KWD"),
        ("ar", 100, "AED", f"1.00{NBSP}AED"),
        ("en", 512000000, "USDT", f"512.00{NBSP}USDT"),
        ("en", 1, "BTC", "₿0.00000001"),
        ("en", 150000000, "BTC", "₿1.50"),
        ("en", 12345678901234567890, "USD", "$123,456,789,012,345,678.90"),
    ],
)
def test_money_text(language: str, minor: int, currency: str, expected: str) -> None:
    assert formatting.money_text(minor, currency, locale=locale_for(language)) == expected


@pytest.mark.parametrize(
    ("language", "country", "custom", "money", "number", "typed"),
    [
        ("es", "", "es", f"1.234.567,50{NBSP}€", "1.234.567,5", "1234,5"),
        ("es", "ES", "es", f"1.234.567,50{NBSP}€", "1.234.567,5", "1234,5"),
        ("es", "MX", "es-MX", "€1,234,567.50", "1,234,567.5", "1234.5"),
        ("es", "CO", "es-CO", "€1.234.567,50", "1.234.567,5", "1234,5"),
        ("de", "CH", "de-CH", f"€{NBSP}1’234’567.50", "1’234’567.5", "1234.5"),
        ("de", "DE", "de", f"1.234.567,50{NBSP}€", "1.234.567,5", "1234,5"),
        ("ar", "AE", "ar", "€1,234,567.50", "1,234,567.5", "1234.5"),
        ("ar", "EG", "ar", "€1,234,567.50", "1,234,567.5", "1234.5"),  # Latin digits wherever Arabic is read
        ("ar", "MA", "ar-MA", "€1.234.567,50", "1.234.567,5", "1234,5"),
        ("en", "DE", "en", "€1,234,567.50", "1,234,567.5", "1234.5"),  # English is not a language of Germany's
        ("es", "DE", "es", f"1.234.567,50{NBSP}€", "1.234.567,5", "1234,5"),
        ("de", "XX", "de", f"1.234.567,50{NBSP}€", "1.234.567,5", "1234,5"),
    ],
)
def test_numbers_follow_the_readers_country(
    language: str, country: str, custom: str, money: str, number: str, typed: str
) -> None:
    with translation.override(language), formatting.numbers_of(country):
        assert formatting.number_custom() == custom
        assert formatting.money_text(123456750, "EUR") == money
        assert formatting.number_text(Decimal("1234567.5"), 1) == number
        assert forms.typed_text(Decimal("1234.5")) == typed
        assert forms.DecimalField().clean(typed) == Decimal("1234.5")
        assert draw("{{ m|money }}", m=(123456750, "EUR")) == f'<bdi dir="ltr" class="num">{money}</bdi>'


def test_days_and_names_follow_the_language_alone() -> None:
    with translation.override("es"), formatting.numbers_of("MX"):
        assert formatting.current_locale() == locale_for("es")
        assert forms.DecimalField().clean("1,234") == 1234


def test_money_comes_as_object_pair_or_minor_units() -> None:
    money = SimpleNamespace(minor=-100, currency="USD")
    assert formatting.money_text(money, locale=locale_for("en")) == f"{MINUS}$1.00"
    assert formatting.money_text((100, "USD"), locale=locale_for("en"), signed=True) == "+$1.00"
    assert formatting.money_text((100, "USD"), locale=locale_for("en"), code=True) == f"USD{NBSP}1.00"
    for wrong in (1.5, Decimal("1.5"), "12", (1.5, "USD"), True):
        with pytest.raises(TypeError):
            formatting.money_text(wrong)


def test_numbers_in_every_custom() -> None:
    assert formatting.number_text(Decimal("-1234567.895"), 2, locale=locale_for("en")) == f"{MINUS}1,234,567.90"
    assert formatting.number_text(51904.10, 2, locale=locale_for("ar")) == "51,904.10"
    assert formatting.number_text(Decimal("-0.001"), 2, locale=locale_for("en")) == "0.00"
    assert formatting.percent_text(Decimal("0.042"), locale=locale_for("de")) == f"4,2{NBSP}%"
    assert formatting.percent_text(-0.021, signed=True, locale=locale_for("en")) == f"{MINUS}2.1%"
    assert formatting.compact_text(3914220, locale=locale_for("en")) == "3.9M"
    assert formatting.lots_text(0.1, locale=locale_for("en")) == "0.10"


def test_a_duration_has_its_unit_in_every_language() -> None:
    spoken = {
        code: formatting.milliseconds_text("1234.4", locale=locale_for(code)) for code in ("en", "de", "ru", "ar")
    }
    assert spoken == {"en": "1,234 ms", "de": "1.234 ms", "ru": f"1{NBSP}234 мс", "ar": "1,234 ملي ث"}
    assert draw("{{ nothing|milliseconds }}|{{ some|milliseconds }}", nothing=None, some=0) == "|0 ms"


def test_filters_isolate_and_colour() -> None:
    assert draw("{{ m|money }}", m=(100, "USD")) == '<bdi dir="ltr" class="num">$1.00</bdi>'
    assert draw("{{ m|money_signed }}", m=(-100, "USD")) == f'<bdi dir="ltr" class="num text-down">{MINUS}$1.00</bdi>'
    assert draw("{{ m|money_signed }}", m=(0, "USD")) == '<bdi dir="ltr" class="num">$0.00</bdi>'
    assert draw('{% money 5 "EUR" signed=True %}') == '<bdi dir="ltr" class="num">+€0.05</bdi>'
    assert draw("{{ m|money }}", m=None) == ""
    assert draw("{{ e|ltr }}", e="<a@b>") == '<bdi dir="ltr">&lt;a@b&gt;</bdi>'


def test_times_stand_in_the_viewers_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 18, 23, 30, 5, tzinfo=UTC)
    monkeypatch.setattr(formatting, "now", lambda: moment + timedelta(hours=3))
    with timezone.override(ZoneInfo("Asia/Dubai")), translation.override("en"):
        assert formatting.date_text(moment) == "19 Nov 2026"
        assert formatting.datetime_text(moment) == "19 Nov, 03:30"
        assert formatting.time_text(moment, seconds=True) == "03:30:05"
        assert draw("{{ m|ago }}", m=moment) == (
            '<time datetime="2026-11-18T23:30:05+00:00" title="19 November 2026, 03:30:05 +04" data-ago '
            'class="whitespace-nowrap">3 hours ago</time>'
        )
    with translation.override("ar"):
        assert formatting.ago_text(moment) == "قبل 3 ساعات"


def test_initials() -> None:
    assert formatting.initials_text("Layla Al Mansoori") == "LM"
    assert formatting.initials_text("ليلى المنصوري") == "ل\u200cا"
    assert formatting.initials_text("  ") == "?"


def test_query_changes_and_removes() -> None:
    request = RequestFactory().get("/", {"q": "a b", "page": "3", "tag": ["x", "y"]})
    assert draw("{% query page=None sort='-name' %}", request=request) == "?q=a+b&amp;tag=x&amp;tag=y&amp;sort=-name"


def test_icons_flip_only_when_they_point() -> None:
    assert 'class="ui-icon flip-rtl"' in icons.icon_svg("arrow-right")
    assert "flip-rtl" not in icons.icon_svg("check")
    assert 'role="img" aria-label="&lt;x&gt;"' in icons.icon_svg("check", 16, "", "<x>")
    with pytest.raises(icons.IconDoesNotExist):
        icons.icon_svg("candlestick-chart")


@pytest.mark.parametrize("name", sorted(icons.FLIPPED_IN_RTL))
def test_every_flipped_icon_exists(name: str) -> None:
    assert icons.icon_svg(name).startswith("<svg ")


def test_sparkline_points() -> None:
    assert sparkline.sparkline_points([1, 3, 2], 100, 20) == [(2.0, 18.0), (50.0, 2.0), (98.0, 10.0)]
    assert sparkline.sparkline_points([5, 5], 100, 20) == [(2.0, 10.0), (98.0, 10.0)]
    assert "text-down" in sparkline.sparkline_svg([2, 1], tone="auto")
    assert "<svg" not in sparkline.sparkline_svg([1])
