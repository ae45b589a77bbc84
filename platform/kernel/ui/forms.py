"""Form rendering and the fields every form needs: money, decimals typed in any script, phones, countries, dates."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

import phonenumbers
from babel import Locale
from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils.translation import get_language, pgettext_lazy

from kernel.errors import AppError
from kernel.ui.formatting import current_number_locale, locale_for, minor_units, money_parts

# Arabic-Indic and Extended Arabic-Indic digits, and the Arabic decimal and thousands marks.
_DIGITS = {ord(char): str(value) for block in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for value, char in enumerate(block)}
_MARKS = {ord("٫"): ".", ord("٬"): "", ord("\u00a0"): "", ord("\u202f"): "", ord("\u2009"): "", ord(" "): "",
          ord("\u2212"): "-", ord("\u200e"): "", ord("\u200f"): "", ord("’"): "", ord("'"): ""}  # fmt: skip
# Thousands as people group them, in India by twos: what stands before the first mark never begins with a zero.
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:\.\d{2,3})*\.\d{3}|(?:,\d{2,3})*,\d{3})\Z")
_PLAIN = re.compile(r"[+-]?\d*\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z")


class FormRenderer(TemplatesSetting):
    """Django's renderer with our field, form and error templates."""

    form_template_name = "ui/form.html"
    field_template_name = "ui/field.html"


def normalise_digits(text: str) -> str:
    """Digits of any script as Latin ones; nothing else is touched, so codes and phones keep their punctuation."""
    return text.translate(_DIGITS)


def normalise_number(text: str, *, decimal_mark: str = ".") -> str:
    """What a person typed as a number Python reads: `١٬٢٣٤٫٥`, `1.234,50` and `1,234.50` all work.

    The last mark of `.` and `,` is the decimal one when both occur or when it is the locale's own `decimal_mark`;
    a single foreign mark groups thousands where it can: `1,234` but not `0,500`, which is a half. What is neither stays
    as it was typed, so that nobody reads it as a thousand times as much.
    """
    plain = text.strip().translate(_DIGITS | _MARKS)
    dot, comma = plain.rfind("."), plain.rfind(",")
    if dot >= 0 and comma >= 0:
        mark = "." if dot > comma else ","
    elif dot >= 0 or comma >= 0:
        mark = _single_mark(plain, "." if dot >= 0 else ",", decimal_mark)
    else:
        return plain
    whole, _, decimals = plain.rpartition(mark) if mark else (plain, "", "")
    if not (_PLAIN.match(whole) or _GROUPED.match(whole)):
        return plain
    digits = whole.replace(".", "").replace(",", "")
    return f"{digits}.{decimals}" if mark else digits


def _single_mark(plain: str, mark: str, decimal_mark: str) -> str:
    """Which mark separates the decimals when only one kind was typed; empty for none."""
    if plain.count(mark) > 1:
        return ""
    return "" if mark != decimal_mark and _GROUPED.match(plain) else mark


def decimal_mark() -> str:
    """The decimal mark that the active reader writes, with Latin digits."""
    symbols = current_number_locale().number_symbols
    return str(symbols.get("latn", symbols).get("decimal", "."))


def typed_text(value: Decimal) -> str:
    """A number as the active reader types it: what is shown in a box is read as the same again."""
    return f"{value:f}".replace(".", decimal_mark())


class AmountInput(forms.TextInput):
    """A left-to-right text input with the numeric keypad, and an add-on showing the currency."""

    template_name = "ui/widgets/amount.html"

    def __init__(self, attrs: dict[str, Any] | None = None, *, suffix: str = "", prefix: str = "") -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})
        self.suffix, self.prefix = suffix, prefix

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the add-ons."""
        return {**super().get_context(name, value, attrs), "suffix": self.suffix, "prefix": self.prefix}


class DecimalField(forms.DecimalField):
    """Accepts ٠-٩, ۰-۹, `٫`, `٬` and both European customs of grouping."""

    widget = AmountInput

    def __init__(self, *, suffix: str = "", prefix: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("widget", AmountInput(suffix=suffix, prefix=prefix))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return typed_text(value) if isinstance(value, Decimal) else value

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """Normalise before Django parses. Exponents and underscores are no amounts."""
        text = normalise_number(value, decimal_mark=decimal_mark()) if isinstance(value, str) else value
        if isinstance(text, str) and text and not _NUMBER.match(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """No min, max or step: the box is text, so that any script can be typed."""
        return {}


class MoneyField(DecimalField):
    """An amount in one currency; cleans to `(minor, currency)` or, where kernel.money exists, to its Money."""

    def __init__(self, *, currency: str, allow_zero: bool = False, **kwargs: Any) -> None:
        self.currency = currency
        self.allow_zero = allow_zero
        kwargs.setdefault("suffix", currency)
        super().__init__(decimal_places=minor_units(currency), max_digits=24, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Money as its decimal text."""
        try:
            minor, currency = money_parts(value)
        except TypeError:
            return super().prepare_value(value)
        return typed_text(Decimal(minor).scaleb(-minor_units(currency)))

    def clean(self, value: Any) -> Any:
        """Raises ValidationError for a negative amount, for zero unless allowed, for too many decimal places."""
        amount = super().clean(value)
        if amount is None:
            return None
        if amount < 0 or (amount == 0 and not self.allow_zero):
            raise ValidationError(pgettext_lazy("form", "Enter an amount above zero."), code="amount_not_positive")
        return self._money(int(amount.scaleb(minor_units(self.currency))))

    def _money(self, minor: int) -> Any:
        try:
            from kernel.money import Money
        except ImportError:
            return minor, self.currency
        return Money(minor, self.currency)


def minor_of(typed: Any) -> int | None:
    """What a MoneyField gave, in minor units. Nothing typed is None, which is not the same as zero typed."""
    return None if typed is None else money_parts(typed)[0]


class PhoneField(forms.CharField):
    """A phone number; cleans to E.164 (`+4915112345678`). A national number needs `region`, an ISO country code."""

    widget = forms.TextInput

    def __init__(self, *, region: str | None = None, **kwargs: Any) -> None:
        self.region = region
        kwargs.setdefault(
            "widget",
            forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel", "dir": "ltr"}),
        )
        super().__init__(**kwargs)

    def assume(self, *countries: str) -> None:
        """Read national numbers as those of the first country that is known, and show what one looks like there."""
        self.region = next((country.upper() for country in countries if calling_code(country)), None)
        if self.region:
            self.widget.attrs["placeholder"] = phone_example(self.region, national=True)

    def clean(self, value: Any) -> str:
        """Raises ValidationError for a number no network would take."""
        text: str = super().clean(value)
        if not text:
            return ""
        try:
            number = phonenumbers.parse(normalise_digits(text), self.region)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_valid_number(number):
            raise ValidationError(
                pgettext_lazy("form", "Enter a phone number with its country code, such as %(example)s."),
                code="invalid_phone",
                params={"example": phone_example(self.region)},
            )
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def phone_example(country: str | None, *, national: bool = False) -> str:
    """A number as they look in the country, isolated for a sentence of any direction; a British one where none is known.

    `national`: as people there write it among themselves, for an input that is left-to-right by itself.
    """
    mobile = phonenumbers.PhoneNumberType.MOBILE
    number = phonenumbers.example_number_for_type(country or "GB", mobile)
    if number is None:
        return "020 7946 0018" if national else "\u2066+44 20 7946 0018\u2069"
    if national:
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return f"\u2066{text}\u2069"


def calling_code(country: str) -> str:
    """`+971` for AE; empty for a country that is not known."""
    number = phonenumbers.country_code_for_region(country.upper())
    return f"+{number}" if number else ""


# ISO 3166-1 alpha-2 entries among CLDR territories; the rest are regions, exceptional reservations and "unknown".
_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"})


def country_choices(codes: Iterable[str] | None = None, language: str | None = None) -> list[tuple[str, str]]:
    """`(code, name)` in the active language, sorted by name; all countries unless `codes` says which."""
    locale: Locale = locale_for(language or get_language() or "en")
    names: dict[str, str] = {str(code): str(name) for code, name in locale.territories.items()}
    wanted = codes or (code for code in names if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES)
    return sorted(((code, str(names.get(code, code))) for code in wanted), key=lambda pair: pair[1].casefold())


class CountryField(forms.ChoiceField):
    """A country by its ISO 3166-1 alpha-2 code, names in the active language at rendering time."""

    def __init__(self, *, codes: Iterable[str] | None = None, **kwargs: Any) -> None:
        chosen = tuple(codes) if codes is not None else None
        kwargs["choices"] = lambda: [("", "—"), *country_choices(chosen)]
        super().__init__(**kwargs)


class CountriesField(forms.CharField):
    """Countries by their codes, with spaces or commas between: a list. What is no country is refused by name, so that a slip
    neither lets anybody in nor shuts anybody out."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "unknown": pgettext_lazy("form error", "Not the code of a country: %(codes)s.")
    }

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:  # type: ignore[override]
        text = str(super().clean(value) or "")
        codes = list(dict.fromkeys(re.split(r"[\s,;،]+", text.upper().strip(" ,;،")))) if text.strip(" ,;،") else []
        known = {code for code, _ in country_choices(language="en")}
        if unknown := [code for code in codes if code not in known]:
            raise ValidationError(self.error_messages["unknown"], code="unknown", params={"codes": " ".join(unknown)})
        return codes


class DateInput(forms.DateInput):
    """The browser's own date picker; ISO text on the wire in every language."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"dir": "ltr", **(attrs or {})}, format="%Y-%m-%d")


class DateTimeInput(forms.DateTimeInput):
    """The browser's own date and time picker, in the viewer's zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"dir": "ltr", **(attrs or {})}, format="%Y-%m-%dT%H:%M")


class CardRadioSelect(forms.RadioSelect):
    """Radio buttons as cards, for the few choices that deserve a sentence each."""

    template_name = "ui/widgets/cards.html"


class UploadInput(forms.ClearableFileInput):
    """The drop zone with preview; `accept` and `max_bytes` are checked in the browser first and by the server again."""

    template_name = "ui/widgets/upload.html"

    def __init__(
        self, attrs: dict[str, Any] | None = None, *, accept: str = "", max_bytes: int = 0, url: str = ""
    ) -> None:
        super().__init__(attrs)
        self.accept, self.max_bytes, self.url = accept, max_bytes, url

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the limits."""
        extra = {"accept": self.accept, "max_bytes": self.max_bytes, "url": self.url}
        return {**super().get_context(name, value, attrs), **extra}


_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "checkbox checkbox-sm"),
    (forms.CheckboxInput, "checkbox checkbox-sm"),
    (forms.RadioSelect, "radio radio-sm"),
    (forms.Textarea, "textarea"),
    (forms.Select, "select"),
    (forms.FileInput, "file-input"),
    (AmountInput, ""),
    (forms.HiddenInput, ""),
    (forms.widgets.Input, "input"),
)


def style_widget(field: forms.Field) -> None:
    """Set the classes of our kit on a field's widget, keeping those it has."""
    widget = field.widget
    if isinstance(widget, forms.MultiWidget):
        for part in widget.widgets:
            _add_class(part)
        return
    _add_class(widget)
    if isinstance(widget, forms.CheckboxInput):
        widget.ui_choice = True  # type: ignore[attr-defined]
    if isinstance(field, forms.DateField) and type(widget) is forms.DateInput:
        field.widget = DateInput(widget.attrs)
    if isinstance(field, forms.EmailField | forms.URLField):
        widget.attrs.setdefault("dir", "ltr")
    if isinstance(widget, forms.Textarea):
        widget.attrs.setdefault("dir", "auto")
    if isinstance(field, forms.CharField) and isinstance(widget, forms.PasswordInput):
        widget.attrs.setdefault("dir", "ltr")


def _add_class(widget: forms.Widget) -> None:
    for kind, css_class in _CLASSES:
        if isinstance(widget, kind):
            known = widget.attrs.get("class", "")
            if css_class and css_class not in known:
                widget.attrs["class"] = f"{known} {css_class}".strip()
            return


DJANGOS_EMPTY = "---------"  # what Django calls no choice, read out as nine dashes


class UiForm:
    """Mixin for forms and model forms: put it first. Widgets get the kit's classes and the error list its look."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("error_class", ErrorList)
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            style_widget(field)
            if isinstance(field, forms.ModelChoiceField) and field.empty_label == DJANGOS_EMPTY:
                field.empty_label = "—"

    def __getitem__(self, name: str) -> forms.BoundField:
        """Fields that a form adds in its own `__init__` come too late for ours, and look like the others all the same."""
        if name in self.fields:
            style_widget(self.fields[name])
        bound: forms.BoundField = super().__getitem__(name)  # type: ignore[misc]
        return bound

    def refuse(self, error: AppError) -> None:
        """Show a service's refusal at its field, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, str(error))  # type: ignore[attr-defined]


class ErrorList(forms.utils.ErrorList):
    """Errors with an icon, under the id Django names in aria-describedby."""

    template_name = "ui/errors.html"
    template_name_ul = "ui/errors.html"

    def get_context(self) -> dict[str, Any]:
        """Our template builds on `errors` and `field_id`."""
        return {**super().get_context(), "field_id": getattr(self, "field_id", None) or ""}
