"""Numbers, money and times as text for people. Pure functions: a locale goes in, text comes out.

Django's own localisation is not used for numbers: it truncates decimals and drops grouping in Arabic, Hebrew, Persian,
Urdu, Hindi, Chinese and Vietnamese. Digits are always Latin, the sign is U+2212, so columns line up in every language.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError, dates, numbers, units
from babel.languages import get_official_languages
from django.utils import timezone, translation

from kernel import clock

try:
    from kernel.money import minor_units
except ImportError:  # kernel.money has not landed in this tree: ISO 4217 amendment 177, plus the crypto we carry
    _EXPONENTS = dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    )
    _EXPONENTS |= dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    _EXPONENTS |= {"BTC": 8, "ETH": 18, "USDT": 6, "USDC": 6, "TRX": 6}

    def minor_units(currency: str) -> int:
        """Decimal places of a currency, two unless the standard says otherwise."""
        return _EXPONENTS.get(currency, 2)


MINUS = "\u2212"
NBSP = "\u00a0"
# Signs people know, where CLDR's plain symbol is the three-letter code or adds a country ("US$").
CURRENCY_SIGNS = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "KZT": "₸", "TRY": "₺", "UAH": "₴", "RUB": "₽",
    "INR": "₹", "KRW": "₩", "VND": "₫", "ILS": "₪", "GEL": "₾", "AMD": "֏", "AZN": "₼", "NGN": "₦", "BTC": "₿",
}  # fmt: skip
# Arabic of the Gulf keeps Latin digits; international English writes the day before the month.
_BABEL_NAMES = {"ar": "ar_AE", "en": "en_GB", "zh_hans": "zh_Hans", "zh_hant": "zh_Hant"}
# Crypto is kept to the precision it is booked in, but shown without the zeros nobody reads.
_SHOWN_AT_LEAST = 2


@lru_cache(maxsize=64)
def locale_for(language: str) -> Locale:
    """Babel's locale for a Django language code; English for one Babel does not know."""
    name = language.replace("-", "_").lower()
    try:
        return Locale.parse(_BABEL_NAMES.get(name, name))
    except (UnknownLocaleError, ValueError):
        base = name.partition("_")[0]
        return Locale.parse("en") if base == name else locale_for(base)


def current_locale() -> Locale:
    """Babel's locale for the active language."""
    return locale_for(translation.get_language() or "en")


# --- the custom of the reader's country

_country: ContextVar[str] = ContextVar("numbers_country", default="")


@contextmanager
def numbers_of(country: str) -> Iterator[None]:
    """Numbers within are written as readers in this country (ISO 3166-1) are used to; empty: as their language has it."""
    token = _country.set(country.upper())
    try:
        yield
    finally:
        _country.reset(token)


@lru_cache(maxsize=512)
def number_locale(language: str, country: str = "") -> Locale:
    """Whose custom numbers follow: the country's, where the language is an official one and CLDR knows the two together
    (1,234.56 in Mexico, 1.234,56 in Spain), else the language's. Who reads English in Germany reads English numbers."""
    general = locale_for(language)
    if not country or general.language not in get_official_languages(country, regional=True, de_facto=True):
        return general
    try:
        own = Locale.parse(f"{general.language}_{country}")
    except (UnknownLocaleError, ValueError):
        return general
    return own if _custom(own) != _custom(general) else general


def _custom(locale: Locale) -> tuple[object, ...]:
    symbols = locale.number_symbols.get("latn", locale.number_symbols)
    marks = (symbols.get("decimal"), symbols.get("group"))
    return (*marks, _pattern(locale), locale.percent_formats[None].pattern)


def number_custom(language: str = "", country: str | None = None) -> str:
    """A short name of how numbers are written, for the active reader: `es`, or `es-MX` where the country has its own."""
    code = language or translation.get_language() or "en"
    land = _country.get() if country is None else country.upper()
    where = number_locale(code, land)
    return code if where == locale_for(code) else f"{code}-{where.territory}"


def current_number_locale() -> Locale:
    return number_locale(translation.get_language() or "en", _country.get())


# --- amounts and numbers


def money_parts(value: Any, currency: str | None = None) -> tuple[int, str]:
    """`(minor, currency)` out of a Money object, a pair, or a whole number of minor units with `currency`.

    Raises TypeError for floats and Decimals: an amount always comes in minor units of a named currency.
    """
    if currency is not None and isinstance(value, int) and not isinstance(value, bool):
        return value, currency
    if isinstance(value, tuple) and len(value) == 2:
        return money_parts(value[0], value[1])
    if hasattr(value, "minor") and hasattr(value, "currency"):
        code = value.currency
        return int(value.minor), str(getattr(code, "code", code))
    raise TypeError(f"not money: {value!r} (give a Money, or minor units and a currency)")


def decimal_text(value: Decimal | int, places: int, locale: Locale, *, least: int | None = None) -> str:
    """`value` rounded half-even to `places`, grouped by the locale's custom, without a sign."""
    exact = abs(Decimal(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    shown = places if least is None else min(least, places)
    fraction = "0" * shown + "#" * (places - shown)
    pattern = "#,##0" + ("." + fraction if fraction else "")
    return str(numbers.format_decimal(exact, format=pattern, locale=locale, numbering_system="latn"))


def _sign(negative: bool, zero: bool, signed: bool) -> str:
    if negative and not zero:
        return MINUS
    return "+" if signed and not zero else ""


def _places_symbol_first(locale: Locale, symbol: str) -> bool:
    """In right-to-left languages a sign stands before the digits and a code after them, in one left-to-right run."""
    if locale.text_direction == "rtl":
        return not symbol.isalpha()
    return _pattern(locale).startswith("¤")


def _pattern(locale: Locale) -> str:
    return str(locale.currency_formats["standard"].pattern)


def money_text(
    value: Any,
    currency: str | None = None,
    *,
    locale: Locale | None = None,
    signed: bool = False,
    code: bool = False,
) -> str:
    """`-$786.24` in English, `−786,24 $` in German, `1,250.000 KWD` in Arabic; exact to the minor unit.

    `signed` puts a plus before gains; `code` shows the ISO code in place of the sign.
    """
    minor, unit = money_parts(value, currency)
    where = locale or current_number_locale()
    places = minor_units(unit)
    amount = Decimal(minor).scaleb(-places)
    crypto = places > 3
    digits = decimal_text(amount, places, where, least=_SHOWN_AT_LEAST if crypto else None)
    before, after = unit_sides(unit, where, symbol=unit if code else "")
    return _sign(minor < 0, minor == 0, signed) + before + digits + after


def money_isolated(value: Any) -> str:
    """As `money_text`, to stand within a sentence of either direction: the sign stays on its side."""
    return f"\u2066{money_text(value)}\u2069"


def unit_sides(unit: str, locale: Locale | None = None, *, symbol: str = "") -> tuple[str, str]:
    """What stands before and what stands after an amount: `("€", "")` in English, `("", " €")` in German."""
    shown = symbol or CURRENCY_SIGNS.get(unit, unit)
    crypto = minor_units(unit) > 3
    where = locale or current_number_locale()
    if _places_symbol_first(where, shown) and not (crypto and shown.isalpha()):
        spaced = shown[-1].isalpha() or _pattern(where).startswith(f"¤{NBSP}")
        return shown + (NBSP if spaced else ""), ""
    return "", NBSP + shown


def number_text(
    value: Decimal | int | float, places: int = 0, *, signed: bool = False, locale: Locale | None = None
) -> str:
    """A plain number, grouped; a float is taken by its shortest decimal text."""
    exact = Decimal(str(value))
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return _sign(rounded < 0, rounded == 0, signed) + decimal_text(exact, places, locale or current_number_locale())


def compact_text(value: Decimal | int | float, *, locale: Locale | None = None) -> str:
    """`3.9M`: for tiles and axes, where the exact figure is one click away."""
    where = locale or current_number_locale()
    text = numbers.format_compact_decimal(
        abs(Decimal(str(value))), locale=where, fraction_digits=1, numbering_system="latn"
    )
    return _sign(value < 0, value == 0, False) + str(text)


def percent_text(
    ratio: Decimal | float | int, places: int = 1, *, signed: bool = False, locale: Locale | None = None
) -> str:
    """`0.042` as `4.2%`, with the space before the sign where the language has one."""
    return in_percent_text(Decimal(str(ratio)) * 100, places, signed=signed, locale=locale)


def in_percent_text(
    value: Decimal | float | int, places: int = 0, *, signed: bool = False, locale: Locale | None = None
) -> str:
    """`4.2` as `4.2%`, likewise."""
    where = locale or current_number_locale()
    spaced = NBSP if NBSP in where.percent_formats[None].pattern else ""
    return f"{number_text(value, places, signed=signed, locale=where)}{spaced}%"


def lots_text(value: Decimal | float | int, *, locale: Locale | None = None) -> str:
    """Trade volume in lots, two places as the platforms show it."""
    return number_text(value, 2, locale=locale)


def milliseconds_text(value: Decimal | int | float | str, *, locale: Locale | None = None) -> str:
    """`1,234 ms`, with the unit as the language abbreviates it."""
    where = locale or current_number_locale()
    whole, unit = round(Decimal(str(value))), "duration-millisecond"
    return str(units.format_unit(whole, unit, length="short", locale=where, numbering_system="latn"))


def now() -> datetime:
    """The product's clock, which tests and the demo can move."""
    return clock.now()


def _local(value: datetime) -> datetime:
    return timezone.localtime(value) if timezone.is_aware(value) else value


def date_text(value: date, *, locale: Locale | None = None, long: bool = False) -> str:
    """`18 Nov 2026` in the viewer's zone, Gregorian calendar, Latin digits."""
    day = _local(value) if isinstance(value, datetime) else value
    where = locale or current_locale()
    text = dates.format_date(day, "long", locale=where) if long else dates.format_skeleton("yMMMd", day, locale=where)
    return str(text)


def time_text(value: datetime, *, seconds: bool = False) -> str:
    """`14:02` in the viewer's zone, always 24 hours, as in a trading room."""
    return _local(value).strftime("%H:%M:%S" if seconds else "%H:%M")


def datetime_text(value: datetime, *, locale: Locale | None = None, seconds: bool = False) -> str:
    """`18 Nov, 14:02` within the current year, with the year otherwise."""
    local = _local(value)
    where = locale or current_locale()
    skeleton = "MMMd" if local.year == _local(now()).year else "yMMMd"
    comma = "،" if where.language in ("ar", "fa", "ur") else ","
    return f"{dates.format_skeleton(skeleton, local, locale=where)}{comma} {time_text(value, seconds=seconds)}"


def full_datetime_text(value: datetime, *, locale: Locale | None = None) -> str:
    """Date, time with seconds and the zone, for titles and the audit trail."""
    local = _local(value)
    comma = "،" if (locale or current_locale()).language in ("ar", "fa", "ur") else ","
    return f"{date_text(value, locale=locale, long=True)}{comma} {local:%H:%M:%S} {local.tzname() or ''}".strip()


def country_text(code: str, *, locale: Locale | None = None) -> str:
    """The CLDR name of an ISO 3166-1 alpha-2 code in the reader's language; the code itself if there is none."""
    return str((locale or current_locale()).territories.get(code.upper(), code))


def language_text(code: str, *, locale: Locale | None = None) -> str:
    """The CLDR name of a language code in the reader's language; the code itself if there is none."""
    return str((locale or current_locale()).languages.get(code.replace("-", "_"), code))


def ago_text(value: datetime, *, locale: Locale | None = None) -> str:
    """`3 hours ago`, `in 2 days`; seconds count as a minute."""
    delta = value - now()
    if abs(delta) < timedelta(minutes=1):
        delta = timedelta(minutes=-1) if delta <= timedelta() else timedelta(minutes=1)
    where = locale or current_locale()
    return str(dates.format_timedelta(delta, granularity="minute", add_direction=True, locale=where, threshold=1.2))


def initials_text(name: str) -> str:
    """First letters of the first and last word; U+200C keeps Arabic letters from joining up."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "?"
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [words[0][0]]
    joiner = "\u200c" if any("\u0590" <= letter <= "\u08ff" for letter in letters) else ""
    return joiner.join(letter.upper() for letter in letters)
